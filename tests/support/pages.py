"""A browser without JavaScript or pictures: it keeps cookies, follows redirects, fills and submits forms.

Every HTML page it is given is inspected (tests/support/inspection.py); an unsound one fails the test.
"""

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

from flask import Flask
from selectolax.lexbor import LexborHTMLParser, LexborNode
from werkzeug.datastructures import Headers
from werkzeug.test import Client, TestResponse

from tests.support.inspection import problems

_MOST_REDIRECTS = 10


class Page:
    """An answer as the person sees it; `location` is set where it sends them to another site."""

    def __init__(self, browser: "Browser", url: str, response: TestResponse) -> None:
        self.browser = browser
        self.url = url
        self.path = urlsplit(url).path
        self.status = response.status_code
        self.headers: Headers = response.headers
        self.mimetype = response.mimetype
        self.body: bytes = response.data
        self.location = response.headers.get("Location")
        self.tree = LexborHTMLParser(response.text if self.mimetype == "text/html" else "")
        if self.mimetype == "text/html" and not 300 <= self.status < 400:
            found = problems(response.text, dict(response.headers))
            assert not found, f"{url} ({self.status}) is not sound:\n- " + "\n- ".join(found)

    @property
    def text(self) -> str:
        """The words on the page (of its body), white space collapsed."""
        if self.mimetype != "text/html":
            return self.body.decode()
        return _words(self.one("body"))

    @property
    def h1(self) -> str:
        """The words of the page's one h1."""
        return _words(self.one("h1"))

    def all(self, selector: str) -> list[str]:
        """The words of each element the CSS selector finds, white space collapsed."""
        return [_words(node) for node in self.tree.css(selector)]

    def one(self, selector: str) -> LexborNode:
        """The single element the CSS selector finds."""
        nodes = self.tree.css(selector)
        assert len(nodes) == 1, f"{selector!r} is on {self.url} {len(nodes)} times"
        return nodes[0]

    def link(self, words: str) -> str:
        """The address of the single link that reads `words`."""
        found = {node.attributes["href"] for node in self.tree.css("a[href]") if _reads(node, words)}
        assert len(found) == 1, f"{len(found)} links read {words!r} on {self.url}; there are {self.all('a')}"
        return urljoin(self.url, found.pop())

    def click(self, words: str) -> "Page":
        """Follow the link that reads `words`."""
        return self.browser.get(self.link(words))

    def form(self, action: str | None = None, button: str | None = None, **values: str) -> "Form":
        """The single form with this action (its path), this button's words and these field values."""
        forms = [
            form
            for form in (Form(self, node) for node in self.tree.css("form" if action else "form:not(footer form)"))
            if (action is None or urlsplit(form.action).path == action)
            and (button is None or form.has_button(button))
            and all(form.fields.get(name) == value for name, value in values.items())
        ]
        actions = [node.attributes.get("action") for node in self.tree.css("form")]
        assert len(forms) == 1, f"{len(forms)} such forms on {self.url}; there are {actions}"
        return forms[0]


class Form:
    """A form as loaded: `fields` holds what a browser would send; fill by name, then submit."""

    def __init__(self, page: Page, node: LexborNode) -> None:
        self._page = page
        self._node = node
        self.action = urljoin(page.url, node.attributes.get("action") or page.url)
        self.method = (node.attributes.get("method") or "get").upper()
        self.fields = dict(_successful_controls(node))
        self._names = {control.attributes.get("name") for control in node.css("input, select, textarea")}

    def has_button(self, words: str) -> bool:
        """Whether one of its buttons reads `words`."""
        return any(_reads(node, words) for node in self._buttons())

    def fill(self, **values: str | None) -> Self:
        """Type into fields, choose options, tick ("on" or the box's value) and clear (None) boxes."""
        for name, value in values.items():
            assert name in self._names, f"no field {name!r}; there are {sorted(filter(None, self._names))}"
            if value is None:
                self.fields.pop(name, None)
            else:
                self._refuse_unoffered(name, value)
                self.fields[name] = value
        return self

    def submit(self, button: str | None = None) -> Page:
        """Press the button that reads `button`, or the form's first."""
        fields = dict(self.fields)
        buttons = [node for node in self._buttons() if button is None or _reads(node, button)]
        assert buttons or button is None, f"no button reads {button!r}"
        if buttons and (name := buttons[0].attributes.get("name")):
            fields[name] = buttons[0].attributes.get("value") or ""
        if self.method == "POST":
            return self._page.browser.post(self.action, fields, referer=self._page.url)
        return self._page.browser.get(self.action, query=fields)

    def _buttons(self) -> list[LexborNode]:
        return [
            node
            for node in self._node.css('button, input[type="submit"]')
            if node.attributes.get("type") != "button" and "disabled" not in node.attributes
        ]

    def _refuse_unoffered(self, name: str, value: str) -> None:
        for select in self._node.css(f'select[name="{name}"]'):
            offered = [_option_value(option) for option in select.css("option")]
            assert value in offered, f"{name!r} offers {offered}, not {value!r}"


class Browser:
    """One visitor: their cookies, and `page.form(...).fill(...).submit()`.

    It stays within the app's base address, mounted apps included; a redirect beyond it is not followed.
    """

    def __init__(self, app: Flask, base_url: str) -> None:
        self.client: Client = app.test_client()
        self.base_url = base_url

    def get(
        self, url: str, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Page:
        """Open an address or path, following redirects."""
        address = f"{url.partition('?')[0]}?{urlencode(query)}" if query else url
        return self._open("GET", address, headers=headers)

    def post(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        referer: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """Send form fields as they are (no CSRF token is added: submit a page's form for that)."""
        sent = dict(headers or {}) | ({"Referer": referer} if referer else {})
        return self._open("POST", url, data=dict(fields), headers=sent)

    def _open(self, method: str, url: str, **request: Any) -> Page:
        url = urljoin(self.base_url, url)
        for _ in range(_MOST_REDIRECTS):
            parts = urlsplit(url)
            response = self.client.open(
                parts.path or "/", base_url=self.base_url, query_string=parts.query, method=method, **request
            )
            page = Page(self, url, response)
            response.close()
            if page.location is None or not 300 <= page.status < 400:
                return page
            url = urljoin(url, page.location)
            if urlsplit(url)[:2] != urlsplit(self.base_url)[:2]:
                return page
            if page.status not in {307, 308}:
                method, request = "GET", {}
        raise AssertionError(f"more than {_MOST_REDIRECTS} redirects, the last to {url}")


def _words(node: LexborNode) -> str:
    return " ".join(node.text(separator=" ").split())


def _reads(node: LexborNode, words: str) -> bool:
    return words in {_words(node), node.attributes.get("aria-label"), node.attributes.get("value")}


def _option_value(option: LexborNode) -> str:
    value = option.attributes.get("value")
    return option.text(strip=True) if value is None else value


def _successful_controls(form: LexborNode) -> list[tuple[str, str]]:
    """What the form sends as it stands. Source: https://html.spec.whatwg.org/#constructing-the-form-data-set"""
    sent = []
    for node in form.css("input, select, textarea"):
        attributes = node.attributes
        name, kind = attributes.get("name"), attributes.get("type") or "text"
        if not name or "disabled" in attributes or kind in {"submit", "button", "reset", "image"}:
            continue
        if node.tag == "select":
            options = node.css("option")
            chosen = [option for option in options if "selected" in option.attributes] or options[:1]
            sent += [(name, _option_value(option)) for option in chosen]
        elif node.tag == "textarea":
            sent.append((name, node.text()))
        elif kind not in {"checkbox", "radio"}:
            sent.append((name, attributes.get("value") or ""))
        elif "checked" in attributes:
            sent.append((name, attributes.get("value") or "on"))
    return sent
