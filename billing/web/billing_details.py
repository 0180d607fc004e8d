"""Billing details: what invoices say of who pays (name, e-mail address, postal address), and tax ids.

The name and e-mail address of the account are the host's; those entered here are for invoices alone, and stand until
they are entered anew. Where the host keeps the postal address as well, it is shown and not asked for.
"""

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import db, i18n, ratelimit
from billing.core.errors import Conflict, Invalid
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.domain.accounts import service as accounts
from billing.domain.accounts.address import Address
from billing.domain.accounts.models import Account
from billing.domain.customers import service as customers
from billing.domain.customers import tax_ids
from billing.domain.customers.models import Customer
from billing.sync import push, refresh
from billing.sync.noun import Ref
from billing.web import visitor
from billing.web.blueprint import signed_in
from billing.web.pages import pages
from billing.web.words import Words

_LIMIT = "20 per minute"
_LONGEST = 255
_ADDRESS = ("country", "line1", "line2", "postal_code", "city", "state")

_VERIFICATION = {
    "pending": (Words(N_("Being checked"), "warn"), N_("The tax office is being asked, which may take some days.")),
    "verified": (Words(N_("Verified"), "good"), N_("The tax office knows this number.")),
    "unverified": (
        Words(N_("Not verified"), "bad"),
        N_("The tax office does not know this number. If it is wrong, remove it and add the right one."),
    ),
}
_UNCHECKED = (
    Words(N_("Not checked"), "muted"),
    N_("Numbers of this kind are not checked. Your invoices show it all the same."),
)


@pages.get("/account/billing/details", endpoint="billing_details")
@signed_in
def details(account: Account) -> ResponseReturnValue:
    """What invoices say, to be changed, and the tax ids with how far they are verified."""
    return _page(account)


def _page(account: Account, refusal: Invalid | Conflict | None = None) -> ResponseReturnValue:
    customer = customers.find(account)
    untold = accounts.untold(account)
    shown = _shown(account, customer if untold is None else None)
    if refusal is not None:
        shown |= {name: value for name, value in request.form.items() if name != "csrf_token"}
    page = render_template(
        "billing/account/details.html",
        account=account,
        shown=shown,
        may_delete=visitor.may_delete(),
        keeps_address=not visitor.host_keeps_address(),
        countries=[{"value": "", "label": _("Choose a country")}]
        + [{"value": code, "label": name} for code, name in i18n.countries().items()],
        country_name=i18n.countries().get(shown["country"], shown["country"]),
        tax_ids=[_tax_id(each) for each in customer.tax_ids] if customer else [],
        kinds=tax_ids.kinds_by_country(),
        is_told=untold is None,
        is_refused=untold is not None and untold.next_try_at is None,
        errors={refusal.field or "value": refusal.message} if refusal else {},
    )
    return page, refusal.status if refusal else 200


def _shown(account: Account, customer: Customer | None) -> dict[str, str]:
    """What invoices say: Stripe's word, unless there is no customer or Stripe is yet to be told."""
    said: Mapping[str, Any] = account.billed_as
    if customer is not None:
        said = {"name": customer.name, "email": customer.email, "address": customer.address}
    address = said["address"] or {}
    return {
        "name": said["name"] or "",
        "email": said["email"] or "",
        "type": "eu_vat",
        "value": "",
        **{part: address.get(part) or "" for part in _ADDRESS},
    }


def _tax_id(tax_id: dict[str, Any]) -> dict[str, Any]:
    words, meaning = _VERIFICATION.get(tax_id["status"] or "", _UNCHECKED)
    return {
        "stripe_id": tax_id["stripe_id"],
        "value": tax_id["value"],
        "kind": tax_ids.kind(tax_id["type"]).name,
        "country": tax_ids.country_of(tax_id["type"]),
        "status_words": _(words.text),
        "tone": words.tone,
        "meaning": _(meaning),
    }


@pages.post("/account/billing/details", endpoint="save_billing_details")
@signed_in
def save(account: Account) -> ResponseReturnValue:
    """Keep what was entered, and tell Stripe once it is kept: the next invoice says it."""
    ratelimit.hit("billing_details", account.uid, _LIMIT)
    try:
        name, email = _named(request.form.get("name", "")), _reachable(request.form.get("email", ""))
        address = None if visitor.host_keeps_address() else _address(account)
    except Invalid as refusal:
        return _page(account, refusal)
    if (name, email) == (account.name, account.email):
        name, email = "", ""  # nothing of their own: they follow what the host says
    account_id = account.id
    accounts.set_invoice_details(account, name=name, email=email, address=address)
    db.on_commit(lambda: push.push_now(account_id))
    flash(_("Your billing details are saved. The next invoice shows them."), "success")
    return redirect(url_for("billing.billing_details"), 303)


def _named(entered: str) -> str:
    name = " ".join(entered.split())
    if len(name) > _LONGEST:
        raise Invalid(_("That is longer than a name can be."), field="name")
    return name


def _reachable(entered: str) -> str:
    """Only what no mail could reach is refused: whether somebody reads it, no form can know."""
    email = entered.strip()
    local, at, host = email.rpartition("@")
    if email and not (at and local and host and len(email) <= _LONGEST and not any(map(str.isspace, email))):
        raise Invalid(_("Enter an e-mail address, such as name@example.com."), field="email")
    return email


def _address(account: Account) -> Address | None:
    """What was entered; None where nothing was, and there was nothing before."""
    entered = {part: request.form.get(part, "") for part in _ADDRESS}
    if not any(value.strip() for value in entered.values()) and account.address is None:
        return None
    return Address(**entered)


@pages.post("/account/billing/details/tax-ids", endpoint="add_tax_id")
@signed_in
def add(account: Account) -> ResponseReturnValue:
    """Add a tax id."""
    ratelimit.hit("billing_details", account.uid, _LIMIT)
    try:
        obtained = tax_ids.add(account, request.form.get("type", ""), request.form.get("value", ""))
    except (tax_ids.TaxIdRefused, tax_ids.AlreadyThere) as refusal:
        return _page(account, refusal)
    answers = refresh.ask(Ref("customer", obtained.stripe_id))
    customers.keep(obtained)
    refresh.write(answers)
    flash(_("The tax id is added. The next invoice shows it."), "success")
    return redirect(url_for("billing.billing_details"), 303)


@pages.post("/account/billing/details/tax-ids/<stripe_id>/remove", endpoint="remove_tax_id")
@signed_in
def remove(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Remove a tax id."""
    ratelimit.hit("billing_details", account.uid, _LIMIT)
    refresh.refresh(Ref("customer", tax_ids.remove(account, stripe_id)))
    flash(_("The tax id is removed."), "success")
    return redirect(url_for("billing.billing_details"), 303)
