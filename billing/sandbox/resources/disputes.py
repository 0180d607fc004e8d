"""Disputes: inquiries and chargebacks, the evidence against them, and how they end.

Stripe's magic words in `evidence[uncategorized_text]` decide them: https://docs.stripe.com/testing#disputes
"""

from collections.abc import Mapping

from billing.sandbox import ids, metadata, standing
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.resources import balance_transactions, early_fraud_warnings
from billing.sandbox.store import read_setting, write_setting
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Boolean, Fields, Metadata, Range, Spec, Text
from billing.sandbox.wire.routes import Params, route

FEE = 1500
RESPONSE_TIME = 14 * DAY
OUTCOMES = {"winning_evidence": "won", "losing_evidence": "lost", "escalate_inquiry_evidence": "escalated"}
_NETWORK_REASONS = {"fraudulent": "10.4", "product_not_received": "13.1"}
_EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name"),
    *("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation"),
    *("duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure"),
    *("refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier"),
    *("shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file"),
    "uncategorized_text",
)
_UPDATE: Mapping[str, Spec] = {
    "evidence": Fields(fields={name: Text(clearable=True, max_length=20_000) for name in _EVIDENCE}),
    "intended_submission_method": Text(choices=("manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes")),
    "metadata": Metadata(),
    "submit": Boolean(),
}


def open_dispute(unit: Unit, charge: Json, reason: str = "fraudulent", *, inquiry: bool = False) -> Json:
    """The cardholder's bank asks about the charge, or takes its money back."""
    method = unit.get("payment_method", charge["payment_method"])
    network_reason = None if inquiry else _NETWORK_REASONS.get(reason)
    dispute: Json = {
        "id": ids.new_id("du"),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": unit.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "appeal": None, "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": unit.now + RESPONSE_TIME,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": "manual",
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": network_reason,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": _of_card(method, network_reason, inquiry=inquiry),
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    unit.add(dispute)
    charge["disputed"] = True
    unit.save(charge, "charge.updated")
    unit.emit("charge.dispute.created", dispute)
    early_fraud_warnings.settle(unit, charge)
    if not inquiry:
        _take_back(unit, dispute)
    unit.schedule(dispute["id"], "dispute_due", dispute["evidence_details"]["due_by"])
    return dispute


def cancels_subscriptions(unit: Unit) -> bool:
    """Whether a chargeback ends the subscription it was for: a setting in Stripe's dashboard, off at first."""
    return bool(read_setting(unit.connection, "cancel_on_dispute", default=False))


def cancel_subscriptions(unit: Unit, wanted: bool) -> None:
    write_setting(unit.connection, "cancel_on_dispute", wanted)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    """Stage evidence or, unless `submit` is false, hand it to the bank: that happens once."""
    dispute = unit.get("dispute", id)
    if "evidence" in params and not _awaits_response(dispute):
        raise invalid("This dispute's evidence can no longer be changed.", param="evidence")
    dispute["evidence"].update(params.get("evidence", {}))
    dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"][name] for name in _EVIDENCE)
    metadata.apply(dispute, params, "intended_submission_method")
    submits = params.get("submit", "evidence" in params) and dispute["evidence_details"]["has_evidence"]
    if submits and _awaits_response(dispute):
        dispute["evidence_details"].update(
            submission_count=dispute["evidence_details"]["submission_count"] + 1, submission_method="manual"
        )
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
        unit.unschedule(dispute["id"], "dispute_due")
        if dispute["evidence"]["uncategorized_text"] in OUTCOMES:
            unit.schedule(dispute["id"], "judge_dispute", unit.now)
    unit.save(dispute, "charge.dispute.updated")
    return unit.present(dispute)


def close(unit: Unit, _params: Params, *, id: str) -> Json:
    """Accept the dispute as lost."""
    dispute = unit.get("dispute", id)
    if not _awaits_response(dispute):
        raise invalid("This dispute is already closed.")
    end(unit, dispute, won=False)
    return unit.present(dispute)


def end(unit: Unit, dispute: Json, *, won: bool) -> None:
    """The bank has decided: a chargeback is won or lost, an inquiry closes."""
    unit.unschedule(dispute["id"])
    inquiry = is_inquiry(dispute)
    dispute["status"] = "warning_closed" if inquiry else "won" if won else "lost"
    unit.save(dispute)
    if won and not inquiry:
        _reinstate(unit, dispute)
    unit.emit("charge.dispute.closed", dispute)


def escalate(unit: Unit, dispute: Json) -> None:
    """An inquiry becomes a chargeback, with a new term for evidence."""
    dispute.update({"status": "needs_response", "is_charge_refundable": False})
    if dispute["payment_method_details"]:
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    dispute["evidence_details"].update(due_by=unit.now + RESPONSE_TIME, past_due=False)
    unit.save(dispute, "charge.dispute.updated")
    _take_back(unit, dispute)
    unit.schedule(dispute["id"], "dispute_due", dispute["evidence_details"]["due_by"])


def on_refund(unit: Unit, charge: Json) -> None:
    """A refund in full answers an inquiry."""
    if charge["refunded"]:
        for dispute in unit.query("dispute", where={"parent": charge["id"]}):
            if is_inquiry(dispute) and dispute["status"] != "warning_closed":
                dispute["is_charge_refundable"] = False
                end(unit, dispute, won=False)


def is_inquiry(dispute: Json) -> bool:
    return bool(dispute["status"].startswith("warning_"))


def blocks_refund(unit: Unit, charge: Json) -> bool:
    """Whether the charge's money has gone back through a dispute, or may."""
    disputes = unit.query("dispute", where={"parent": charge["id"]})
    return any(
        not item["is_charge_refundable"] and item["status"] not in ("won", "warning_closed") for item in disputes
    )


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("dispute", id))


def list_all(unit: Unit, params: Params) -> Json:
    columns = {"charge": "parent", "payment_intent": "key"}
    where = {column: params[name] for name, column in columns.items() if name in params}
    return listing(unit, "dispute", "/v1/disputes", params, where)


def _of_card(method: Json, network_reason: str | None, *, inquiry: bool) -> Json | None:
    if method["type"] != "card":
        return None
    brand = method["card"]["brand"]
    case_type = "inquiry" if inquiry else "chargeback"
    card = {"brand": brand, "case_type": case_type, "network": brand, "network_reason_code": network_reason}
    return {"card": card, "type": "card"}


def _awaits_response(dispute: Json) -> bool:
    return dispute["status"] in ("needs_response", "warning_needs_response")


def _take_back(unit: Unit, dispute: Json) -> None:
    """The cardholder's bank takes the money; what it paid for may end with it."""
    _withdraw(unit, dispute)
    if not cancels_subscriptions(unit):
        return
    for payment in unit.query("invoice_payment", where={"key": dispute["payment_intent"]}):
        paid_for = unit.get("invoice", payment["invoice"])["_subscription"]
        subscription = unit.find(paid_for) if paid_for else None
        if subscription is not None and subscription["status"] not in standing.FINISHED:
            standing.end(unit, subscription, reason="payment_disputed")


def _withdraw(unit: Unit, dispute: Json) -> None:
    _move(unit, dispute, -dispute["amount"], "dispute", f"Chargeback withdrawal for {dispute['charge']}", fee=FEE)
    unit.emit("charge.dispute.funds_withdrawn", dispute)


def _reinstate(unit: Unit, dispute: Json) -> None:
    _move(unit, dispute, dispute["amount"], "dispute_reversal", f"Chargeback reversal for {dispute['charge']}")
    unit.emit("charge.dispute.funds_reinstated", dispute)


def _move(unit: Unit, dispute: Json, amount: int, category: str, description: str, *, fee: int = 0) -> None:
    transaction = balance_transactions.record(
        unit,
        dispute["id"],
        "adjustment",
        amount,
        dispute["currency"],
        fee=fee,
        category=category,
        description=description,
    )
    dispute["balance_transactions"].append(transaction["id"])
    unit.save(dispute)


def _open(unit: Unit, charge: Json) -> None:
    from billing.sandbox.resources import payment_methods

    kind = payment_methods.behaviour(unit.get("payment_method", charge["payment_method"])).dispute
    inquiry = kind == "inquiry"
    open_dispute(unit, charge, "fraudulent" if inquiry or kind is None else kind, inquiry=inquiry)


def _judge(unit: Unit, dispute: Json) -> None:
    outcome = OUTCOMES[dispute["evidence"]["uncategorized_text"]]
    if outcome == "escalated" and is_inquiry(dispute):
        escalate(unit, dispute)
    else:
        end(unit, dispute, won=outcome == "won")


def _fall_due(unit: Unit, dispute: Json) -> None:
    """Nobody answered in time."""
    dispute["evidence_details"]["past_due"] = True
    end(unit, dispute, won=False)


def _present(unit: Unit, dispute: Json) -> Json:
    moves = [unit.present(unit.get("balance_transaction", item)) for item in dispute["balance_transactions"]]
    return {**dispute, "balance_transactions": moves}


PRESENTERS = {"dispute": _present}
AGENDA = {"open_dispute": _open, "judge_dispute": _judge, "dispute_due": _fall_due}
ROUTES = [
    route("GET", "/v1/disputes", list_all, {**PAGE, "charge": Text(), "created": Range(), "payment_intent": Text()}),
    route("GET", "/v1/disputes/{id}", retrieve),
    route("POST", "/v1/disputes/{id}", update, _UPDATE),
    route("POST", "/v1/disputes/{id}/close", close),
]
