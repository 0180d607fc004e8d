"""The customer's balance: what is owed to them (negative) or by them, moved only by recorded transactions."""

from typing import Any

from billing.sandbox import ids, shapes
from billing.sandbox.unit import Json, Unit


def move(unit: Unit, customer: Json, amount: int, kind: str, currency: str, **fields: Any) -> Json:
    """Add `amount` to the balance and record why; returns the transaction. `kind` is Stripe's transaction type."""
    customer["balance"] += amount
    transaction = shapes.blank(
        "customer_balance_transaction",
        id=ids.new_id("cbtxn"),
        amount=amount,
        created=unit.now,
        currency=currency,
        customer=customer["id"],
        ending_balance=customer["balance"],
        livemode=False,
        metadata={},
        type=kind,
    )
    transaction.update(fields)
    unit.add(transaction)
    unit.save(customer, "customer.updated")
    return transaction
