"""The portal's login page: an email address, and a link that opens a session, once.

There is no mail in a sandbox: the page shows what the mail would hold.
https://docs.stripe.com/customer-management/activate-no-code-customer-portal
"""

from flask import abort, redirect, render_template, request, url_for

from billing.sandbox import ids
from billing.sandbox.pages import card_form
from billing.sandbox.pages.blueprint import Json, fetch, merchant, message, pages, sandbox
from billing.sandbox.pages.portal_session import ENDED, Page, can_recover
from billing.sandbox.resources import portal_sessions
from billing.sandbox.store import read_setting, write_setting
from billing.sandbox.unit import Unit
from billing.sandbox.wire.errors import StripeApiError

LINK_SECONDS = 30 * 60
_LINKS = "portal_login_links"


@pages.route("/portal/login/<configuration_id>", methods=["GET", "POST"])
def portal_login(configuration_id: str) -> Page:
    """The login page a configuration's `login_page.url` points to."""
    configuration = fetch(f"/v1/billing_portal/configurations/{configuration_id}")
    if not (configuration["active"] and configuration["login_page"]["enabled"]):
        abort(404)
    with sandbox().reading() as unit:
        customer = _customer(unit, _typed()) if request.method == "POST" else None
    return _page(customer, configuration_id)


@pages.post("/portal/<session_id>/login")
def portal_recover(session_id: str) -> Page:
    """The same for a session that has expired: its own customer comes back to it."""
    with sandbox().reading() as unit:
        try:
            session = unit.get("billing_portal.session", session_id)
            customer = unit.get("customer", session["customer"])
        except StripeApiError:
            abort(404)
        if not can_recover(session, unit.now):
            abort(404)
        is_theirs = customer["email"] == _typed()
    return _page(customer["id"] if is_theirs else None, session["configuration"], session_id)


@pages.get("/portal/login/links/<token>")
def portal_enter(token: str) -> Page:
    """Open a session and spend the link."""
    with sandbox().unit() as unit:
        links = read_setting(unit.connection, _LINKS, {})
        link = links.pop(token, None)
        if link is None or link["expires_at"] <= unit.now:
            return message("This link does not work any more", "A link works once. Ask for a new one."), 410
        write_setting(unit.connection, _LINKS, links)
        configuration = unit.get("billing_portal.configuration", link["configuration"])
        customer = unit.get("customer", link["customer"])
        fields: Json = {"return_url": configuration["default_return_url"]}
        expired = unit.find(link["session"]) if link["session"] else None
        if expired is not None:
            fields = {name: expired[name] for name in ("after_expiration", "flow", "locale", "return_url")}
            fields["_flow_completed"] = expired.get("_flow_completed", False)
        session = portal_sessions.begin(unit, customer, configuration, **fields)
    return redirect(url_for(".portal_home", session_id=session["id"]), 303)


def _typed() -> str:
    return request.form.get("email", "").strip()


def _page(customer: str | None, configuration: str, session: str | None = None) -> Page:
    """The form, and once it was sent the same words whether or not the address is a customer's."""
    email = _typed()
    is_sent = request.method == "POST" and card_form.is_email(email)
    errors = {"email": "Your email is invalid."} if request.method == "POST" and not is_sent else {}
    page = render_template(
        "sandbox/portal/login.html",
        merchant=merchant(),
        heading="Log in to manage your billing",
        action=None,
        sent_to=email if is_sent else None,
        link=_make_link(customer, configuration, session) if is_sent and customer else None,
        minutes=LINK_SECONDS // 60,
        values=request.form,
        errors=errors,
    )
    return page, 422 if errors else 200


def _make_link(customer: str, configuration: str, session: str | None) -> str:
    token = ids.token(32)
    with sandbox().unit() as unit:
        links = read_setting(unit.connection, _LINKS, {})
        kept = {held: link for held, link in links.items() if link["expires_at"] > unit.now}
        kept[token] = {
            "configuration": configuration,
            "customer": customer,
            "expires_at": unit.now + LINK_SECONDS,
            "session": session,
        }
        write_setting(unit.connection, _LINKS, kept)
    return url_for(".portal_enter", token=token)


def _customer(unit: Unit, email: str) -> str | None:
    """The newest customer with this address, those with a running subscription first."""
    found = unit.query("customer", where={"key": email}) if email else []
    for customer in found:
        held = unit.query("subscription", where={"customer": customer["id"]})
        if any(subscription["status"] not in ENDED for subscription in held):
            return str(customer["id"])
    return str(found[0]["id"]) if found else None
