"""What every page must honour, whatever it shows: read by the test client on each HTML response."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

_UNLABELLED_TYPES = {"hidden", "submit", "button", "reset", "image"}


def problems(html: str, headers: Mapping[str, str]) -> list[str]:
    """Everything wrong with a page as served, one sentence each; an empty list is a sound page."""
    tree = LexborHTMLParser(html)
    found = [problem for check in _PAGE_CHECKS for problem in check(tree)]
    if not html.lstrip().lower().startswith("<!doctype html>"):
        found.append("the document does not begin with <!doctype html>")
    return found + list(_headers(headers)) + list(_inline_code(tree, _policy(headers)))


def _document(tree: LexborHTMLParser) -> Iterator[str]:
    root = tree.css_first("html")
    if not (root and root.attributes.get("lang")):
        yield "<html> has no lang"
    title = tree.css_first("head > title")
    if not (title and title.text(strip=True)):
        yield "the page has no title"
    if not tree.css_first('meta[name="viewport"]'):
        yield "no viewport is declared, so phones shrink the page"
    headings = tree.css("h1")
    if len(headings) != 1 or not headings[0].text(strip=True):
        yield f"the page needs exactly one h1 with words in it, it has {len(headings)}"


def _ids(tree: LexborHTMLParser) -> Iterator[str]:
    counts = Counter(node.attributes["id"] for node in tree.css("[id]"))
    for name, count in counts.items():
        if count > 1:
            yield f"id {name!r} is used {count} times"
    for attribute in ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-errormessage"):
        for node in tree.css(f"[{attribute}]"):
            for name in (node.attributes[attribute] or "").split():
                if name not in counts:
                    yield f"{_tag(node)}: {attribute} names #{name}, which is not on the page"


def _controls(tree: LexborHTMLParser) -> Iterator[str]:
    labelled = {label.attributes.get("for") for label in tree.css("label") if label.text(strip=True)}
    for node in tree.css("input, select, textarea"):
        if node.tag == "input" and (node.attributes.get("type") or "text") in _UNLABELLED_TYPES:
            continue
        inside = any(ancestor.tag == "label" for ancestor in _ancestors(node))
        if not (inside or _aria_name(node) or node.attributes.get("id") in labelled):
            yield f"{_tag(node)} has no label"
    for node in tree.css("a, button, summary"):
        if not _name(node):
            yield f"{_tag(node)} has no words for a screen reader"
    for node in tree.css("a"):
        if (node.attributes.get("href") or "#") == "#":
            yield f"the link {_name(node)!r} leads nowhere"
    for node in tree.css("img"):
        if "alt" not in node.attributes:
            yield f"{_tag(node)} has no alt"


def _forms(tree: LexborHTMLParser) -> Iterator[str]:
    for form in tree.css("form"):
        if (form.attributes.get("method") or "get").lower() == "post" and not any(
            field.attributes.get("value") for field in form.css('input[type="hidden"][name$="token"]')
        ):
            yield f"{_tag(form)} posts without a csrf_token"


_PAGE_CHECKS: tuple[Callable[[LexborHTMLParser], Iterator[str]], ...] = (_document, _ids, _controls, _forms)


def _headers(headers: Mapping[str, str]) -> Iterator[str]:
    policy = _policy(headers)
    if not policy:
        yield "no Content-Security-Policy"
    elif not {"default-src", "form-action", "frame-ancestors", "base-uri"} <= policy.keys():
        yield "the Content-Security-Policy lacks default-src, form-action, frame-ancestors or base-uri"
    for directive, sources in policy.items():
        if "'unsafe-inline'" in sources or "'unsafe-eval'" in sources:
            yield f"the Content-Security-Policy's {directive} is unsafe"
    if headers.get("X-Content-Type-Options") != "nosniff":
        yield "no X-Content-Type-Options: nosniff"
    if not headers.get("Referrer-Policy"):
        yield "no Referrer-Policy"


def _inline_code(tree: LexborHTMLParser, policy: dict[str, str]) -> Iterator[str]:
    nonces = set(re.findall(r"'nonce-([^']+)'", " ".join(policy.values())))
    for node in tree.css("script:not([src]), style"):
        if node.attributes.get("nonce") not in nonces:
            yield f"an inline <{node.tag}> without the policy's nonce"
    for node in tree.css("*"):
        for name, value in node.attributes.items():
            if name == "style" or name.startswith("on") or (value or "").lower().startswith("javascript:"):
                yield f"{_tag(node)} carries inline code in {name!r}"


def _policy(headers: Mapping[str, str]) -> dict[str, str]:
    directives = (part.strip().partition(" ") for part in headers.get("Content-Security-Policy", "").split(";"))
    return {name: sources for name, _, sources in directives if name}


def _ancestors(node: LexborNode) -> Iterator[LexborNode]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _aria_name(node: LexborNode) -> str:
    return node.attributes.get("aria-label") or node.attributes.get("aria-labelledby") or ""


def _name(node: LexborNode) -> str:
    pictured = [image.attributes.get("alt") or "" for image in node.css("img")]
    titled = [title.text(strip=True) for title in node.css("svg title")]
    return _aria_name(node) or node.text(strip=True) or "".join(pictured + titled)


def _tag(node: LexborNode) -> str:
    shown = [
        f'{name}="{node.attributes[name]}"'
        for name in ("id", "name", "type", "action", "href")
        if name in node.attributes
    ]
    return f"<{' '.join([node.tag or '', *shown])}>"
