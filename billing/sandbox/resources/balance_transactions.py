"""The account's money: every movement is a balance transaction, and the balance is their sum.

A card payment costs 2.9 % and 30 minor units, a lost or won dispute 1500; refunds return no fees.
"""

from decimal import Decimal

from billing.sandbox import ids, shapes
from billing.sandbox.arithmetic.amounts import rounded
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Range, Text
from billing.sandbox.wire.routes import Params, route

_AVAILABLE_AFTER = 2 * DAY
_KIND = "balance_transaction"


def payment_fee(amount: int) -> int:
    return rounded(amount * Decimal("0.029")) + 30


def record(
    unit: Unit,
    source: str,
    kind: str,
    amount: int,
    currency: str,
    *,
    fee: int = 0,
    category: str | None = None,
    description: str | None = None,
) -> Json:
    """Move `amount` minor units into the balance (out of it when negative), less `fee`."""
    of_fee = "Dispute fee" if category == "dispute" else "Stripe processing fees"
    details = {"amount": fee, "application": None, "currency": currency, "description": of_fee, "type": "stripe_fee"}
    transaction = shapes.blank(
        _KIND,
        id=ids.new_id("txn"),
        amount=amount,
        available_on=unit.now + _AVAILABLE_AFTER,
        balance_type="payments",
        created=unit.now,
        currency=currency,
        description=description,
        fee=fee,
        fee_details=[details] if fee else [],
        net=amount - fee,
        reporting_category=category or kind,
        source=source,
        status="pending",
        type=kind,
    )
    return unit.add(transaction)


def balance(unit: Unit, _params: Params) -> Json:
    """What is available and what is pending, per currency."""
    rows = unit.connection.execute(
        "SELECT json_extract(body, '$.currency'), json_extract(body, '$.available_on') <= ?, "
        "sum(json_extract(body, '$.net')) FROM objects WHERE kind = ? GROUP BY 1, 2",
        (unit.now, _KIND),
    ).fetchall()
    sums = {(currency, bool(available)): amount for currency, available, amount in rows}
    currencies = sorted({currency for currency, _ in sums} | {"usd"})

    def parts(*, available: bool) -> list[Json]:
        amounts = {currency: sums.get((currency, available), 0) for currency in currencies}
        return [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in amounts.items()
        ]

    return {
        "object": "balance",
        "available": parts(available=True),
        "connect_reserved": None,
        "instant_available": None,
        "issuing": None,
        "livemode": False,
        "pending": parts(available=False),
        "refund_and_dispute_prefunding": None,
    }


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get(_KIND, id))


def list_all(unit: Unit, params: Params) -> Json:
    where = {f"$.{name}": params[name] for name in ("currency", "type") if name in params}
    if "source" in params:
        where["parent"] = params["source"]
    return listing(unit, _KIND, "/v1/balance_transactions", params, where)


def _present(unit: Unit, transaction: Json) -> Json:
    return {**transaction, "status": "available" if transaction["available_on"] <= unit.now else "pending"}


PRESENTERS = {_KIND: _present}
ROUTES = [
    route("GET", "/v1/balance", balance),
    route(
        "GET",
        "/v1/balance_transactions",
        list_all,
        {**PAGE, "created": Range(), "currency": Text(), "source": Text(), "type": Text()},
    ),
    route("GET", "/v1/balance_transactions/{id}", retrieve),
]
