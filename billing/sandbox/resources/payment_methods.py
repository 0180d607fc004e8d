"""Payment methods: test cards, and bank debits that settle days later."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from billing.sandbox import banks, cards, ids, metadata, vocabulary
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid, no_such
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import ADDRESS, PAGE, Fields, Integer, Metadata, Spec, Text, missing
from billing.sandbox.wire.routes import Params, route

_BILLING_DETAILS = Fields(
    fields={
        "address": ADDRESS,
        "email": Text(clearable=True),
        "name": Text(clearable=True),
        "phone": Text(clearable=True),
        "tax_id": Text(clearable=True),
    }
)
_ALLOW_REDISPLAY = Text(choices=("always", "limited", "unspecified"))
_CREATE: Mapping[str, Spec] = {
    "allow_redisplay": _ALLOW_REDISPLAY,
    "bacs_debit": Fields(fields={"account_number": Text(), "sort_code": Text()}),
    "billing_details": _BILLING_DETAILS,
    "card": Fields(
        fields={
            "number": Text(),
            "exp_month": Integer(),
            "exp_year": Integer(),
            "cvc": Text(),
            "token": Text(),
        }
    ),
    "metadata": Metadata(),
    "sepa_debit": Fields(fields={"iban": Text(required=True)}),
    "type": Text(required=True, choices=("bacs_debit", "card", "sepa_debit", "us_bank_account")),
    "us_bank_account": Fields(
        fields={
            "account_holder_type": Text(choices=("company", "individual")),
            "account_number": Text(),
            "account_type": Text(choices=("checking", "savings")),
            "routing_number": Text(),
        }
    ),
}
_EMPTY_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def create(unit: Unit, params: Params) -> Json:
    kind = params["type"]
    given = params.get(kind)
    if given is None:
        raise missing(kind)
    if kind == "card":
        method = _from_card(unit, given)
    elif kind == "sepa_debit":
        method = _from_iban(unit, given["iban"], params.get("billing_details", {}))
    else:
        account = banks.BY_NUMBER.get(given.get("account_number", ""))
        method = bank_debit(unit, account if account and account.kind == kind else banks.DEFAULTS[kind])
    for name in ("account_holder_type", "account_type"):
        if name in given:
            method[kind][name] = given[name]
    _change(method, params)
    unit.save(method)
    return unit.present(method)


def resolve(unit: Unit, reference: str, param: str = "payment_method") -> Json:
    """The payment method with this id; a `pm_card_...` or `pm_usBankAccount_...` name makes a new one."""
    if reference.startswith("pm_card_"):
        card = cards.named(reference.removeprefix("pm_card_"))
        if card is None:
            raise no_such("PaymentMethod", reference, param)
        return new_card(unit, card, 12, 2034)
    if reference.startswith("pm_usBankAccount_"):
        account = banks.BY_TOKEN.get(reference.removeprefix("pm_usBankAccount_"))
        if account is None:
            raise no_such("PaymentMethod", reference, param)
        return bank_debit(unit, account)
    return unit.get("payment_method", reference, param)


def new_card(unit: Unit, card: cards.Card, exp_month: int, exp_year: int) -> Json:
    """A stored card without customer; `exp_year` has four digits."""
    details = {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": "american_express" if card.brand == "amex" else card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": cards.fingerprint(card),
        "funding": "debit" if card.token == "visa_debit" else "credit",  # noqa: S105 - a card's name, no secret
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return unit.add({**_blank(unit, "card"), "card": details, "_token": card.token, "_set_up": False})


def bank_debit(unit: Unit, account: banks.Account = banks.DEFAULTS["us_bank_account"]) -> Json:
    """A bank account whose debits settle four days later."""
    own = {account.kind: _OF_BANK[account.kind](account), "_token": f"bank_{account.token}", "_set_up": True}
    return unit.add({**_blank(unit, account.kind), **own})


def _of_us_account(account: banks.Account) -> Json:
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": "FFDMA0xfhBjWSZLu",
        "last4": account.number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": banks.ROUTING_NUMBER,
        "status_details": {},
    }


def _of_iban(account: banks.Account) -> Json:
    iban = account.number
    return {
        "bank_code": iban[4:9],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": "Ih3foEspDVTtDbtm",
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }


def _of_sort_code(account: banks.Account) -> Json:
    return {"fingerprint": "UkSG0HfCGxxrja1H", "last4": account.number[-4:], "sort_code": banks.SORT_CODE}


_OF_BANK = {"us_bank_account": _of_us_account, "sepa_debit": _of_iban, "bacs_debit": _of_sort_code}


def is_delayed(method: Json) -> bool:
    """Whether the method's payments settle later."""
    return method["type"] in banks.KINDS


def behaviour(method: Json) -> cards.Behaviour:
    account = banks.behind(method["_token"])
    if account is not None:
        return cards.Behaviour(dispute=account.dispute)
    return cards.behaviour_of(method["_token"])


def needs_authentication(method: Json, *, off_session: bool) -> bool:
    """Whether the bank asks the customer to authenticate this payment."""
    rule = behaviour(method).authentication
    if rule == "unless_set_up":
        return not method["_set_up"]
    if rule == "on_session":
        return not off_session
    return rule == "always"


def attach(unit: Unit, params: Params, *, id: str) -> Json:
    method = resolve(unit, id, "payment_method" if id.startswith(("pm_card_", "pm_usBankAccount_")) else "id")
    customer = unit.get("customer", params["customer"], "customer")
    decline = behaviour(method).decline
    if decline is not None and not behaviour(method).attaches:
        raise decline.error()
    return unit.present(attach_to(unit, method, customer["id"]))


def attach_to(unit: Unit, method: Json, customer: str) -> Json:
    """Give the method to the customer; its bank has already agreed."""
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        raise invalid("The payment method you provided has already been attached to a customer.")
    if method["_detached"]:
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    method["customer"] = customer
    return unit.save(method, "payment_method.attached")


def detach(unit: Unit, _params: Params, *, id: str) -> Json:
    method = unit.get("payment_method", id)
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = unit.find(method["customer"])
    method["customer"] = None
    method["_detached"] = True
    unit.save(method)
    unit.emit("payment_method.detached", method, {"customer": customer["id"] if customer else None})
    if customer and not customer.get("deleted"):
        settings = customer["invoice_settings"]
        if settings["default_payment_method"] == id:
            settings["default_payment_method"] = None
            unit.save(customer, "customer.updated")
    return unit.present(method)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    method = unit.get("payment_method", id)
    if method["customer"] is None:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.")
    _change(method, params)
    for name in ("exp_month", "exp_year"):
        if name in params.get("card", {}):
            method["card"][name] = params["card"][name]
    unit.save(method, "payment_method.updated")
    return unit.present(method)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("payment_method", id))


def list_all(unit: Unit, params: Params) -> Json:
    if "customer" not in params:
        raise missing("customer")
    return _listing(unit, params, params["customer"], "/v1/payment_methods")


def list_of_customer(unit: Unit, params: Params, *, customer: str) -> Json:
    return _listing(unit, params, customer, f"/v1/customers/{customer}/payment_methods")


def retrieve_of_customer(unit: Unit, _params: Params, *, customer: str, id: str) -> Json:
    method = unit.get("payment_method", id)
    if method["customer"] != customer:
        raise no_such("PaymentMethod", id)
    return unit.present(method)


def _listing(unit: Unit, params: Params, customer: str, url: str) -> Json:
    unit.get("customer", customer, "customer")
    where = {"customer": customer}
    if "type" in params:
        where["$.type"] = params["type"]
    return listing(unit, "payment_method", url, params, where)


def _from_card(unit: Unit, given: Mapping[str, Any]) -> Json:
    token = given.get("token")
    if token is not None:
        card = cards.named(token.removeprefix("tok_"))
        if card is None or not token.startswith("tok_"):
            raise no_such("token", token, "card[token]")
        return new_card(unit, card, 12, 2034)
    for name in ("number", "exp_month", "exp_year"):
        if name not in given:
            raise missing(f"card[{name}]")
    card = cards.read(given["number"], given["exp_month"], given["exp_year"], given.get("cvc"), unit.now)
    return new_card(unit, card, given["exp_month"], cards.full_year(given["exp_year"]))


def _from_iban(unit: Unit, written: str, billing: Mapping[str, Any]) -> Json:
    for name in ("name", "email"):
        if not billing.get(name):
            raise missing(f"billing_details[{name}]")
    iban = written.replace(" ", "").upper()
    if not banks.is_iban(iban):
        raise invalid("The IBAN you provided is invalid.", param="sepa_debit[iban]")
    success = banks.DEFAULTS["sepa_debit"]
    return bank_debit(unit, banks.BY_NUMBER.get(iban, replace(success, number=iban)))


def _blank(unit: Unit, kind: str) -> Json:
    return {
        "id": ids.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict(_EMPTY_ADDRESS),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "created": unit.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
        "_detached": False,
    }


def _change(method: Json, params: Params) -> None:
    metadata.apply(method, params, "allow_redisplay")
    for name, value in params.get("billing_details", {}).items():
        if name == "address":
            method["billing_details"]["address"] = {**_EMPTY_ADDRESS, **(value or {})}
        else:
            method["billing_details"][name] = value


_LIST: Mapping[str, Spec] = {**PAGE, "type": Text(choices=vocabulary.METHODS), "allow_redisplay": _ALLOW_REDISPLAY}
ROUTES = [
    route("POST", "/v1/payment_methods", create, _CREATE),
    route("GET", "/v1/payment_methods", list_all, {**_LIST, "customer": Text()}),
    route("GET", "/v1/payment_methods/{id}", retrieve),
    route(
        "POST",
        "/v1/payment_methods/{id}",
        update,
        {
            "allow_redisplay": _ALLOW_REDISPLAY,
            "billing_details": _BILLING_DETAILS,
            "card": Fields(fields={"exp_month": Integer(minimum=1, maximum=12), "exp_year": Integer()}),
            "metadata": Metadata(),
        },
    ),
    route("POST", "/v1/payment_methods/{id}/attach", attach, {"customer": Text(required=True)}),
    route("POST", "/v1/payment_methods/{id}/detach", detach),
    route("GET", "/v1/customers/{customer}/payment_methods", list_of_customer, _LIST),
    route("GET", "/v1/customers/{customer}/payment_methods/{id}", retrieve_of_customer),
]
