"""Payment methods: what is saved, adding a card in fields of Stripe's, choosing what is charged, removing."""

from dataclasses import dataclass

from flask import flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import clock, ratelimit
from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.customers import service as customers
from billing.domain.payment_methods import queries as payment_methods
from billing.domain.payment_methods import rules, service
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.subscriptions import paying
from billing.domain.subscriptions import queries as subscriptions
from billing.sync import refresh
from billing.web import headers, stripe_js
from billing.web.blueprint import signed_in
from billing.web.links import absolute
from billing.web.pages import pages

_LIMIT = "20 per minute"


def ending_in(brand: str, last4: str) -> str:
    """What a payment method is called: "Visa ending in 4242"."""
    return _("%(brand)s ending in %(last4)s", brand=brand, last4=last4) if last4 else brand


@dataclass(frozen=True)
class MethodView:
    """A payment method as its owner reads it."""

    stripe_id: str
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    expiry: rules.Expiry

    @property
    def name(self) -> str:
        return ending_in(self.brand, self.last4)


def method_view(row: PaymentMethod) -> MethodView:
    """The row as pages show it."""
    return MethodView(
        stripe_id=row.stripe_id,
        brand=(row.brand or row.type).replace("_", " ").title(),
        last4=row.last4 or "",
        exp_month=row.exp_month,
        exp_year=row.exp_year,
        expiry=rules.expiry(row.exp_year, row.exp_month, clock.now()),
    )


@pages.get("/account/payment-methods", endpoint="payment_methods")
@signed_in
def overview(account: Account) -> ResponseReturnValue:
    """What is saved, and which of it is charged."""
    default = paying.default_method(account, subscriptions.foremost(subscriptions.of_account(account)))
    return render_template(
        "billing/account/payment_methods.html",
        methods=[method_view(row) for row in payment_methods.of_account(account)],
        default_id=default.stripe_id if default else None,
        can_add=customers.find(account) is not None,
        has_card_form=stripe_js.current() is not None,
    )


@pages.get("/account/payment-methods/new", endpoint="new_payment_method")
@signed_in
def new(account: Account) -> ResponseReturnValue:
    """Stripe's card fields, where there is a publishable key and JavaScript; else the way to Stripe's own page."""
    if customers.find(account) is None:
        return redirect(url_for("billing.payment_methods"), 303)
    script = stripe_js.current()
    page = render_template(
        "billing/account/payment_methods_new.html",
        stripe_js=script,
        return_url=absolute("billing.payment_method_returned"),
    )
    response = make_response(page)
    return headers.allow(response, script.policy) if script else response


@pages.post("/account/payment-methods/setup-intents", endpoint="open_setup_intent")
@signed_in
def open_setup(account: Account) -> ResponseReturnValue:
    """The client secret the card fields need, as JSON. The page asks for it, so that looking at it makes nothing."""
    ratelimit.hit("payment_methods", account.uid, _LIMIT)
    return jsonify(client_secret=service.open_setup(account))


@pages.get("/account/payment-methods/returned", endpoint="payment_method_returned")
@signed_in
def returned(account: Account) -> ResponseReturnValue:
    """Back from Stripe's fields or the bank: ask what became of the card, take it in, say so. Safe to reload."""
    ratelimit.hit("payment_methods", account.uid, _LIMIT)
    intent = service.retrieve_own_setup(account, request.args.get("setup_intent", ""))
    if intent["status"] != "succeeded":
        reason = intent["last_setup_error"] or {}
        flash(" ".join((_("The card was not saved."), reason.get("message") or _("Please try again."))), "error")
        return redirect(url_for("billing.new_payment_method"), 303)
    method = intent["payment_method"]
    paying.make_default_if_first(intent["customer"], method)
    refresh.catch_up(account)
    saved = next((row for row in payment_methods.of_account(account) if row.stripe_id == method), None)
    if saved is not None:  # it may have been removed again, and this be the page reloaded
        flash(_("%(card)s is saved.", card=method_view(saved).name), "success")
    return redirect(url_for("billing.payment_methods"), 303)


@pages.post("/account/payment-methods/<stripe_id>/default", endpoint="default_payment_method")
@signed_in
def make_default(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Charge everything to this method from now on."""
    ratelimit.hit("payment_methods", account.uid, _LIMIT)
    method = paying.find_own(account, stripe_id)
    name, customer = method_view(method).name, method.customer.stripe_id
    paying.make_default(customer, stripe_id)
    refresh.catch_up(account)
    flash(_("%(card)s is charged from now on.", card=name), "success")
    return redirect(url_for("billing.payment_methods"), 303)


@pages.post("/account/payment-methods/<stripe_id>/remove", endpoint="remove_payment_method")
@signed_in
def remove(account: Account, stripe_id: str) -> ResponseReturnValue:
    """Remove this method, unless the plan needs it; one that is removed already stays so."""
    ratelimit.hit("payment_methods", account.uid, _LIMIT)
    method = payment_methods.find(account, stripe_id) or paying.find_own(account, stripe_id)
    name, customer = method_view(method).name, method.customer.stripe_id
    try:
        paying.remove(customer, stripe_id)
    except paying.StillNeeded as refusal:
        flash(": ".join((name, refusal.message)), "error")
        return redirect(url_for("billing.payment_methods"), 303)
    refresh.catch_up(account)
    flash(_("%(card)s is removed.", card=name), "success")
    return redirect(url_for("billing.payment_methods"), 303)
