"""The sandbox's own paths, `/v1/sandbox/...`: what banks and cardholders do, done on demand."""

from billing.sandbox import collection
from billing.sandbox.resources import disputes, early_fraud_warnings, refunds
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import Array, Boolean, Integer, Text
from billing.sandbox.wire.routes import Params, route

_REASONS = (
    *("bank_cannot_process", "credit_not_processed", "customer_initiated", "debit_not_authorized", "duplicate"),
    *("fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant"),
    *("product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized"),
)


def dispute_charge(unit: Unit, params: Params, *, id: str) -> Json:
    """The cardholder disputes a charge that has succeeded."""
    charge = _paid_charge(unit, id)
    if charge["disputed"] or charge["refunded"]:
        raise invalid(f"Charge {id} is already {'disputed' if charge['disputed'] else 'refunded'}.", param="id")
    reason, inquiry = params.get("reason", "fraudulent"), params.get("inquiry", False)
    return unit.present(disputes.open_dispute(unit, charge, reason, inquiry=inquiry))


def dispute_policy(unit: Unit, _params: Params) -> Json:
    return {"object": "sandbox.dispute_policy", "cancel_subscription": disputes.cancels_subscriptions(unit)}


def dunning(unit: Unit, _params: Params) -> Json:
    return {"object": "sandbox.dunning", **collection.dunning(unit)}


def set_dunning(unit: Unit, params: Params) -> Json:
    """Choose the days after which a failed renewal is retried, and what becomes of the subscription then."""
    plan = {**collection.dunning(unit), **params}
    collection.set_dunning(unit, plan["retry_after_days"] or [], plan["then"])
    return dunning(unit, params)


def set_dispute_policy(unit: Unit, params: Params) -> Json:
    """Choose whether a chargeback cancels the subscription it was for."""
    disputes.cancel_subscriptions(unit, params["cancel_subscription"])
    return dispute_policy(unit, params)


def warn_of_fraud(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(early_fraud_warnings.warn(unit, _paid_charge(unit, id)))


def decide_dispute(unit: Unit, params: Params, *, id: str) -> Json:
    """The bank decides, evidence or not."""
    dispute = unit.get("dispute", id)
    if dispute["status"] in ("won", "lost", "warning_closed"):
        raise invalid(f"Dispute {id} is already closed.")
    if params["outcome"] != "escalated":
        disputes.end(unit, dispute, won=params["outcome"] == "won")
    elif disputes.is_inquiry(dispute):
        disputes.escalate(unit, dispute)
    else:
        raise invalid("Only an inquiry can be escalated.", param="outcome")
    return unit.present(dispute)


def move_refund(unit: Unit, params: Params, *, id: str) -> Json:
    """The bank lets a refund arrive, sends it back, or asks the customer where to send it."""
    refund = unit.get("refund", id)
    if refund["status"] in ("canceled", "failed"):
        raise invalid(f"This refund has already {refund['status']}.", param="status")
    if refund["balance_transaction"] is None:
        raise invalid("This refund only let go of a hold: there is no money to move.", param="id")
    moves = {"failed": refunds.fail, "requires_action": refunds.ask_customer, "succeeded": refunds.arrive}
    moves[params["status"]](unit, refund)
    return unit.present(refund)


def _paid_charge(unit: Unit, charge_id: str) -> Json:
    charge = unit.get("charge", charge_id)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(f"Charge {charge_id} has not been paid.", param="id")
    return charge


ROUTES = [
    route(
        "POST",
        "/v1/sandbox/charges/{id}/dispute",
        dispute_charge,
        {"inquiry": Boolean(), "reason": Text(choices=_REASONS)},
    ),
    route("POST", "/v1/sandbox/charges/{id}/fraud_warning", warn_of_fraud),
    route("GET", "/v1/sandbox/dunning", dunning),
    route(
        "POST",
        "/v1/sandbox/dunning",
        set_dunning,
        {
            "retry_after_days": Array(of=Integer(minimum=1, maximum=365), clearable=True),
            "then": Text(choices=collection.DUNNING_ENDS),
        },
    ),
    route("GET", "/v1/sandbox/dispute_policy", dispute_policy),
    route(
        "POST",
        "/v1/sandbox/dispute_policy",
        set_dispute_policy,
        {"cancel_subscription": Boolean(required=True)},
    ),
    route(
        "POST",
        "/v1/sandbox/disputes/{id}",
        decide_dispute,
        {"outcome": Text(required=True, choices=("escalated", "lost", "won"))},
    ),
    route(
        "POST",
        "/v1/sandbox/refunds/{id}",
        move_refund,
        {"status": Text(required=True, choices=("failed", "requires_action", "succeeded"))},
    ),
]
