"""Paying an open invoice: with a saved card, with a new one in Stripe's fields, or on Stripe's page."""

from secrets import token_urlsafe

from flask import flash, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import i18n, ratelimit
from billing.core.errors import Conflict, NotFound
from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.invoices import queries as invoices
from billing.domain.invoices.models import Invoice
from billing.domain.payment_methods import queries as payment_methods
from billing.domain.payments import settling
from billing.domain.payments.settling import Standing
from billing.domain.subscriptions import paying
from billing.domain.subscriptions import queries as subscriptions
from billing.sync import refresh
from billing.sync.noun import Ref, refs
from billing.web import declines, headers, stripe_js
from billing.web.blueprint import signed_in
from billing.web.links import absolute
from billing.web.pages import pages
from billing.web.payment_methods import method_view

_LIMIT = "20 per minute"
_LONGEST_TOKEN = 100


def _own(account: Account, number: str) -> Invoice:
    found = invoices.find(account, number)
    if found is None:
        raise NotFound(_("You have no such invoice."))
    return found


@pages.get("/account/invoices/<number>/pay", endpoint="pay_invoice")
@signed_in
def ask(account: Account, number: str) -> ResponseReturnValue:
    """The amount, why it was not paid, and the ways to pay it now."""
    row = _own(account, number)
    ratelimit.hit("paying", account.uid, _LIMIT)
    standing = settling.look(row.stripe_id)
    if standing.state in ("paid", "closed", "under_way"):
        return _told(row, standing)
    script = stripe_js.current()
    saved = payment_methods.of_account(account)
    default = paying.default_method(account, subscriptions.foremost(subscriptions.of_account(account)))
    page = render_template(
        "billing/account/pay.html",
        invoice=row,
        money=row.money(row.amount_remaining),
        reason=declines.reason(standing.failure_code) if standing.failure_code else None,
        asks_bank=standing.state == "asks_bank",
        methods=[method_view(method) for method in saved],
        default_id=default.stripe_id if default else None,
        token=token_urlsafe(),
        stripe_js=script,
        return_url=absolute("billing.invoice_returned", number=number),
    )
    response = make_response(page)
    return headers.allow(response, script.policy) if script else response


@pages.post("/account/invoices/<number>/pay", endpoint="pay_invoice_with")
@signed_in
def pay(account: Account, number: str) -> ResponseReturnValue:
    """Pay with a saved method; a bank that asks is answered on the page this leads back to."""
    row = _own(account, number)
    ratelimit.hit("paying", account.uid, _LIMIT)
    method = paying.find_own(account, request.form.get("method", ""))
    standing = settling.pay(row.stripe_id, method.stripe_id, request.form.get("token", "")[:_LONGEST_TOKEN])
    return _told(row, standing)


@pages.post("/account/invoices/<number>/pay/secret", endpoint="invoice_secret")
@signed_in
def open_payment(account: Account, number: str) -> ResponseReturnValue:
    """The client secret with which the card fields pay this invoice, as JSON. Raises Conflict for one that is paid."""
    row = _own(account, number)
    ratelimit.hit("paying", account.uid, _LIMIT)
    standing = settling.look(row.stripe_id)
    if standing.state not in ("open", "asks_bank") or standing.client_secret is None:
        raise Conflict(_("This invoice is not waiting for a payment any more. Please reload the page."))
    return jsonify(client_secret=standing.client_secret)


@pages.get("/account/invoices/<number>/returned", endpoint="invoice_returned")
@signed_in
def returned(account: Account, number: str) -> ResponseReturnValue:
    """Back from Stripe's fields or the bank: ask how it went, take it in, say so. Safe to reload."""
    row = _own(account, number)
    ratelimit.hit("paying", account.uid, _LIMIT)
    return _told(row, settling.look(row.stripe_id))


def _told(row: Invoice, standing: Standing) -> ResponseReturnValue:
    """Take in how the payment stands, and lead to where that is said."""
    number, customer, subscription = row.number or "", row.customer.stripe_id, row.subscription_stripe_id
    amount = i18n.money(row.money(row.amount_due))
    if standing.paid_with:
        paying.make_default_if_saved(customer, standing.paid_with)
    methods = [Ref("payment_method", standing.paid_with)] if standing.paid_with else []
    entitlements = [Ref("entitlements", customer)] if subscription else []
    refresh.refresh(Ref("invoice", row.stripe_id), *refs("subscription", subscription), *entitlements, *methods)
    if standing.state == "paid":
        flash(_("Invoice %(number)s is paid. Thank you.", number=number), "success")
    elif standing.state == "under_way":
        flash(
            _("Your bank is working on the payment of %(amount)s. There is nothing more to do.", amount=amount), "info"
        )
    elif standing.state == "closed":
        flash(_("Invoice %(number)s needs no payment any more.", number=number), "info")
    else:
        if standing.state == "open":
            why = declines.reason(standing.failure_code)
            flash(_("The payment did not go through. %(why)s", why=why.what), "error")
        return redirect(url_for("billing.pay_invoice", number=number), 303)
    return redirect(url_for("billing.overview"), 303)
