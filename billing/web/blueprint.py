"""The blueprint our pages stand on. It brings everything they need, and nothing to a host app's own pages.

Each view is one transaction edge; every posted form is checked for its CSRF token; refusals become pages, or JSON for
JSON callers; security headers are on every answer.
"""

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, abort, redirect, request
from flask.typing import ResponseReturnValue, RouteCallable
from flask_wtf.csrf import CSRFError, validate_csrf
from jinja2 import BaseLoader, FileSystemLoader, PrefixLoader
from werkzeug.exceptions import HTTPException
from wtforms import ValidationError

from billing.core import assets, db
from billing.core.errors import Forbidden, Refusal
from billing.core.i18n import gettext as _
from billing.web import context, headers, refusals, requests, visitor
from billing.web.visitor import Visit

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OPENS_EDGES = "opens_edges"


class PageBlueprint(Blueprint):
    """A blueprint of pages. `checks_csrf` is False only for what is not called by browsers."""

    def __init__(self, name: str, import_name: str, *, checks_csrf: bool = True, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.before_request(requests.begin)
        self.after_request(requests.tell)
        self.teardown_request(requests.end)
        if checks_csrf:
            self.before_request(_refuse_nul)
            self.before_request(check_csrf)
        self.context_processor(context.for_page)
        self.after_request(headers.add)
        self.register_error_handler(Refusal, refusals.answer)
        self.register_error_handler(HTTPException, refusals.answer_http)

    @cached_property
    def jinja_loader(self) -> BaseLoader:
        """Only templates/billing: a host app must never meet a template of ours by chance."""
        return PrefixLoader({"billing": FileSystemLoader(assets.folder("templates") / "billing")})

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Add a view, which becomes one transaction, unless it `opens_edges`: returning commits, raising rolls back."""
        edged = _in_edge(view_func) if view_func and not hasattr(view_func, _OPENS_EDGES) else view_func
        super().add_url_rule(rule, endpoint, edged, provide_automatic_options, **options)


def opens_edges(view: View) -> View:
    """Mark a view that is no transaction: it opens edges itself, one after the other, or must not need the database."""
    setattr(view, _OPENS_EDGES, True)
    return view


def _in_edge(view: RouteCallable) -> Callable[..., ResponseReturnValue]:
    @wraps(view)
    def in_edge(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        visitor.account()  # settled before the view's own edge, so that the view may still ask Stripe
        with db.edge():
            return cast(ResponseReturnValue, view(*args, **kwargs))  # our views are not coroutines

    return in_edge


def _refuse_nul() -> None:
    """PostgreSQL keeps no NUL in a text, and asking it for one is an error: nothing of ours has one in its name."""
    given = (*(request.view_args or {}).values(), *request.args.values(), *request.form.values())
    if any("\0" in str(value) for value in given):
        abort(400, _("What was sent has a character in it that no text has."))


def check_csrf() -> None:
    """Refuse what is posted without the token of the visitor's session. Raises CSRFError."""
    if request.method in _SAFE_METHODS:
        return
    try:
        validate_csrf(request.form.get("csrf_token") or request.headers.get("X-CSRF-Token"))
    except ValidationError as error:
        raise CSRFError(str(error)) from None


class NotYourBilling(Forbidden):
    """Somebody who only belongs to a team asked for its billing."""

    code = "not_billing_manager"

    def __init__(self, team: str) -> None:
        super().__init__(_("Only the owners and billing managers of %(team)s see its billing.", team=team))


def signed_in(view: Callable[..., ResponseReturnValue]) -> RouteCallable:
    """Give the view the account whose billing the visitor manages as its first argument.

    Strangers are asked to sign in. Who belongs to a team without managing its billing is refused (NotYourBilling):
    views of other things are `open_to_members`.
    """

    @wraps(view)
    def with_account(**kwargs: Any) -> ResponseReturnValue:
        visit = visitor.visit()
        if visit is None:
            return ask_to_sign_in()
        check_manages_billing(visit)
        return view(visit.account, **kwargs)

    return with_account


def check_manages_billing(visit: Visit) -> None:
    """Raise NotYourBilling unless the visitor manages the billing of the account they act for."""
    if not visit.manages_billing:
        raise NotYourBilling(visit.account.name)


def open_to_members(view: Callable[..., ResponseReturnValue]) -> RouteCallable:
    """Give the view the visit of whoever is signed in, in whatever role: it shows no billing, or looks itself."""

    @wraps(view)
    def with_visit(**kwargs: Any) -> ResponseReturnValue:
        visit = visitor.visit()
        return ask_to_sign_in() if visit is None else view(visit, **kwargs)

    return with_visit


def ask_to_sign_in(next_path: str | None = None) -> Response:
    """The answer to a stranger: on to the sign-in page, then to `next_path` (None: back here); 401 for JSON callers."""
    here = f"{request.script_root}{request.full_path}".rstrip("?")
    url = None if refusals.wants_json() else visitor.current_hosts().sign_in_url(next_path or here)
    if url is None:
        abort(401, _("Please sign in first."))
    return cast(Response, redirect(url, 303))
