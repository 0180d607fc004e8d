"""The blueprint all hosted pages share: their sandbox, their headers, and who may post to them."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, current_app, g, render_template, request

from billing.sandbox import ids
from billing.sandbox.pages import words
from billing.sandbox.wire.errors import StripeApiError

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Sandbox

Json = dict[str, Any]

FORM_COOKIE = "sandbox_form"
pages = Blueprint("sandbox_pages", __name__)


def sandbox() -> Sandbox:
    """The sandbox whose page is being asked for."""
    engine: Sandbox = current_app.extensions[pages.name]
    return engine


def now(customer: str | None = None) -> int:
    """The time in epoch seconds: that of the test clock the customer lives on, else the sandbox's."""
    return int(moment(customer).timestamp())


def moment(customer: str | None = None) -> datetime:
    """The time (UTC) of the test clock the customer lives on, else the sandbox's."""
    with sandbox().reading() as unit:
        held = unit.find(customer) if customer else None
        clock = unit.find(held["test_clock"]) if held and held.get("test_clock") else None
    return datetime.fromtimestamp(clock["frozen_time"], UTC) if clock else sandbox().now()


def fetch(path: str, **params: Any) -> Json:
    """What GET `path` answers; an object that does not exist is a 404 page."""
    try:
        return sandbox().call("GET", path, params)
    except StripeApiError as error:
        if error.status == 404:
            abort(404)
        raise


def merchant() -> str:
    """The name the account shows its customers."""
    name: str = fetch("/v1/account")["business_profile"]["name"]
    return name


def message(heading: str, text: str, link: str | None = None) -> str:
    """A page that says one thing and, with `link`, leads back to the shop."""
    back = words.back_to(link)
    return render_template("sandbox/message.html", heading=heading, text=text, link=link, back=back)


def authentication_page(amount: str, payment_method: Json | None) -> str:
    """The bank's 3D Secure page; it posts `outcome` (complete or fail) to its own address."""
    card = words.card(payment_method) if payment_method else ""
    return render_template("sandbox/authenticate.html", merchant=merchant(), amount=amount, card=card)


def allow_forms_to_reach(url: str | None) -> None:
    """Let this page's forms end at `url`: Chromium applies form-action to the redirect after a post as well."""
    origin = re.match(r"https?://[A-Za-z0-9.:\[\]-]+", url or "")
    if origin:
        g.setdefault("sandbox_form_targets", ["'self'"]).append(origin[0])


@pages.before_request
def refuse_forged_posts() -> Response | None:
    """Answer 403 to a form that does not carry the token of this browser's own cookie."""
    g.sandbox_form_token = request.cookies.get(FORM_COOKIE) or ids.token(32)
    if request.method in ("GET", "HEAD"):
        return None
    if hmac.compare_digest(request.form.get("form_token", "").encode(), g.sandbox_form_token.encode()):
        return None
    return Response(message("This form has gone stale", "Open the page again and send it from there."), 403)


@pages.context_processor
def add_form_token() -> dict[str, str]:
    return {"form_token": g.sandbox_form_token}


@pages.after_app_request
def add_headers(response: Response) -> Response:
    """Nothing but our own style sheet loads and nobody frames these pages, unless a page said otherwise itself.

    Their addresses are secrets.
    """
    if response.mimetype != "text/html":
        return response
    targets = " ".join(g.get("sandbox_form_targets", ["'self'"]))
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"form-action {targets}; frame-ancestors 'none'; base-uri 'none'",
    )
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    if "sandbox_form_token" in g and FORM_COOKIE not in request.cookies:
        response.set_cookie(
            FORM_COOKIE,
            g.sandbox_form_token,
            path=request.script_root or "/",
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


@pages.errorhandler(StripeApiError)
def refused(refusal: StripeApiError) -> tuple[str, int]:
    """What the API refused and no form could show beside a field, such as a change overtaken by another."""
    return message("That did not work", refusal.error["message"]), refusal.status


@pages.app_errorhandler(500)
def broken(_: Exception) -> tuple[str, int]:
    return message("The sandbox has a fault", "Its log says more."), 500


@pages.app_errorhandler(404)
def not_found(_: Exception) -> tuple[str, int]:
    return message("There is nothing here", "This address is wrong or no longer valid."), 404


for name, function in words.FILTERS.items():
    pages.add_app_template_filter(function, name)
