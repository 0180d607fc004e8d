"""Customer balance transactions: credits and debits that the next invoice takes into account."""

from billing.sandbox import balances, metadata
from billing.sandbox.resources import customers
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid, no_such
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Integer, Metadata, Range, Text
from billing.sandbox.wire.routes import Params, route

_URL = "/v1/customers/{customer}/balance_transactions"


def create(unit: Unit, params: Params, *, customer: str) -> Json:
    """Adjust the balance by `amount` minor units; negative is a credit to the customer."""
    owner = unit.get("customer", customer, "customer")
    currency = params["currency"].lower()
    if params["amount"] == 0:
        raise invalid("Invalid non-zero integer", code="parameter_invalid_integer", param="amount")
    customers.use_currency(unit, owner, currency)
    transaction = balances.move(
        unit,
        owner,
        params["amount"],
        "adjustment",
        currency,
        description=params.get("description"),
        metadata=metadata.merged({}, params.get("metadata", {})),
    )
    return unit.present(transaction)


def update(unit: Unit, params: Params, *, customer: str, id: str) -> Json:
    transaction = _owned(unit, customer, id)
    metadata.apply(transaction, params, "description")
    return unit.present(unit.save(transaction))


def retrieve(unit: Unit, _params: Params, *, customer: str, id: str) -> Json:
    return unit.present(_owned(unit, customer, id))


def list_all(unit: Unit, params: Params, *, customer: str) -> Json:
    unit.get("customer", customer)
    where = {"customer": customer}
    if "invoice" in params:
        where["$.invoice"] = params["invoice"]
    return listing(unit, "customer_balance_transaction", _URL.format(customer=customer), params, where)


def _owned(unit: Unit, customer: str, transaction: str) -> Json:
    found = unit.get("customer_balance_transaction", transaction)
    if found["customer"] != customer:
        raise no_such("customer balance transaction", transaction)
    return found


_CHANGEABLE = {"description": Text(clearable=True, max_length=350), "metadata": Metadata()}
ROUTES = [
    route(
        "POST",
        _URL,
        create,
        {**_CHANGEABLE, "amount": Integer(required=True), "currency": Text(required=True, max_length=3)},
    ),
    route("GET", _URL, list_all, {**PAGE, "created": Range(), "invoice": Text()}),
    route("GET", _URL + "/{id}", retrieve),
    route("POST", _URL + "/{id}", update, _CHANGEABLE),
]
