"""Refunds of charges, in whole or in part."""

from collections.abc import Mapping

from billing.sandbox import ids, metadata, shapes
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.resources import balance_transactions, disputes, early_fraud_warnings, payment_methods
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Integer, Metadata, Range, Text
from billing.sandbox.wire.routes import Params, route


def create(unit: Unit, params: Params) -> Json:
    charge = _charge(unit, params)
    if charge["status"] != "succeeded":
        raise invalid("This charge has not succeeded, so it cannot be refunded.", param="charge")
    if not charge["captured"]:
        raise invalid(
            "This charge has not been captured. Cancel its PaymentIntent to let go of what it holds.", param="charge"
        )
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise invalid(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded", param="charge"
        )
    if disputes.blocks_refund(unit, charge):
        raise invalid(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
            param="charge",
        )
    amount = params.get("amount", left)
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    return unit.present(refund_charge(unit, charge, amount, params.get("reason"), params.get("metadata", {})))


def refund_charge(
    unit: Unit, charge: Json, amount: int, reason: str | None = None, tags: Mapping[str, str] | None = None
) -> Json:
    """Give `amount` minor units of the charge back; its payment method decides how that goes."""
    method = unit.get("payment_method", charge["payment_method"])
    card = method["type"] == "card"
    fate = payment_methods.behaviour(method).refund if card else "pending"
    of_card = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    refund = shapes.blank(
        "refund",
        id=ids.new_id("re" if card else "pyr"),
        amount=amount,
        charge=charge["id"],
        created=unit.now,
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details={"card": of_card, "type": "card"} if card else None,
        metadata=metadata.merged({}, tags or {}),
        payment_intent=charge["payment_intent"],
        payment_method=method["id"],
        pending_reason="processing" if fate == "pending" else None,
        reason=reason,
        status="pending" if fate == "pending" else "succeeded",
    )
    kind = "refund" if card else "payment_refund"
    transaction = balance_transactions.record(unit, refund["id"], kind, -amount, charge["currency"], category="refund")
    refund["balance_transaction"] = transaction["id"]
    unit.add(refund)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    unit.save(charge)
    unit.emit("charge.refunded", charge)
    unit.emit("refund.created", refund)
    if charge["refunded"]:
        early_fraud_warnings.settle(unit, charge)
        disputes.on_refund(unit, charge)
    if fate in ("pending", "failing"):
        unit.schedule(refund["id"], "refund_arrives" if fate == "pending" else "refund_fails", unit.now + 2 * DAY)
    return refund


def update(unit: Unit, params: Params, *, id: str) -> Json:
    refund = unit.get("refund", id)
    metadata.apply(refund, params)
    return unit.present(unit.save(refund, "refund.updated"))


def cancel(unit: Unit, _params: Params, *, id: str) -> Json:
    """Call off a refund that still waits for its customer."""
    refund = _waiting(unit, id)
    _take_back(unit, refund, "canceled")
    return unit.present(refund)


def expire(unit: Unit, _params: Params, *, id: str) -> Json:
    """The customer has not said in time where the refund shall go."""
    refund = _waiting(unit, id)
    fail(unit, refund)
    return unit.present(refund)


def arrive(unit: Unit, refund: Json) -> None:
    """The refund has reached the customer."""
    unit.unschedule(refund["id"])
    refund.update({"status": "succeeded", "pending_reason": None, "next_action": None})
    _say(unit, refund)


def ask_customer(unit: Unit, refund: Json) -> None:
    """The refund waits for the customer, who has been asked by email where to send it."""
    unit.unschedule(refund["id"])
    email = {"email_sent_at": unit.now, "email_sent_to": "customer@example.com"}
    refund.update(
        {
            "next_action": {
                "display_details": {"email_sent": email, "expires_at": unit.now + 45 * DAY},
                "type": "display_details",
            },
            "pending_reason": None,
            "status": "requires_action",
        }
    )
    _say(unit, refund)


def fail(unit: Unit, refund: Json) -> None:
    """The bank sends the money back: it is ours again."""
    _take_back(unit, refund, "failed", "expired_or_canceled_card")
    unit.emit("refund.failed", refund)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("refund", id))


def list_all(unit: Unit, params: Params) -> Json:
    where = {}
    if "charge" in params:
        where["parent"] = params["charge"]
    if "payment_intent" in params:
        where["key"] = params["payment_intent"]
    return listing(unit, "refund", "/v1/refunds", params, where)


def _charge(unit: Unit, params: Params) -> Json:
    if "charge" in params:
        return unit.get("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    intent = unit.get("payment_intent", params["payment_intent"], "payment_intent")
    if intent["latest_charge"] is None:
        raise invalid("This PaymentIntent does not have a successful charge to refund.", param="payment_intent")
    return unit.get("charge", intent["latest_charge"])


def _waiting(unit: Unit, refund_id: str) -> Json:
    refund = unit.get("refund", refund_id)
    if refund["status"] != "requires_action":
        raise invalid(f"This refund's status is {refund['status']}; only one that requires action can end like this.")
    return refund


def _take_back(unit: Unit, refund: Json, status: str, reason: str | None = None) -> None:
    unit.unschedule(refund["id"])
    transaction = balance_transactions.record(
        unit, refund["id"], "refund_failure", refund["amount"], refund["currency"]
    )
    refund.update(
        {
            "failure_balance_transaction": transaction["id"],
            "failure_reason": reason,
            "next_action": None,
            "pending_reason": None,
            "status": status,
        }
    )
    _say(unit, refund)
    charge = unit.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    unit.save(charge, "charge.updated")


def _say(unit: Unit, refund: Json) -> None:
    unit.save(refund, "refund.updated")
    unit.emit("charge.refund.updated", refund)


AGENDA = {"refund_arrives": arrive, "refund_fails": fail}
ROUTES = [
    route(
        "POST",
        "/v1/refunds",
        create,
        {
            "amount": Integer(minimum=1),
            "charge": Text(),
            "metadata": Metadata(),
            "payment_intent": Text(),
            "reason": Text(choices=("duplicate", "fraudulent", "requested_by_customer")),
        },
    ),
    route("GET", "/v1/refunds", list_all, {**PAGE, "charge": Text(), "created": Range(), "payment_intent": Text()}),
    route("GET", "/v1/refunds/{id}", retrieve),
    route("POST", "/v1/refunds/{id}", update, {"metadata": Metadata()}),
    route("POST", "/v1/refunds/{id}/cancel", cancel),
    route("POST", "/v1/test_helpers/refunds/{id}/expire", expire),
]
