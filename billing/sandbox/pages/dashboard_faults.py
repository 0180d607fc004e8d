"""The dashboard's fault buttons: banks that disagree, and webhooks that go astray."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from billing.sandbox.pages.blueprint import Json, pages, sandbox

SHAPES = ("2024-06-20", "2022-11-15")
_NUMBERS = ("delay", "drop_next", "duplicate", "fail_next")


def button(obj: Json) -> dict[str, str] | None:
    """What can go wrong with a payment, a refund or a dispute, as its row's button."""
    if obj["object"] == "payment_intent" and obj["status"] == "succeeded" and _is_whole(obj["latest_charge"]):
        return {"label": "Open a dispute", "value": "open", "url": url_for(".dispute", charge_id=obj["latest_charge"])}
    if obj["object"] == "refund" and obj["status"] in ("pending", "succeeded") and obj["balance_transaction"]:
        return {"label": "Let it fail", "value": "failed", "url": url_for(".move_refund", refund_id=obj["id"])}
    if obj["object"] == "dispute" and obj["status"] not in ("won", "lost", "warning_closed"):
        inquiry = obj["status"].startswith("warning_")
        return {
            "label": "Escalate it" if inquiry else "Win it",
            "value": "escalated" if inquiry else "won",
            "url": url_for(".decide_dispute", dispute_id=obj["id"]),
        }
    return None


def webhook_faults() -> Json:
    return sandbox().call("GET", "/v1/sandbox/webhook_faults")


@pages.post("/dashboard/charges/<charge_id>/dispute")
def dispute(charge_id: str) -> ResponseReturnValue:
    """The cardholder disputes a payment."""
    sandbox().call("POST", f"/v1/sandbox/charges/{charge_id}/dispute")
    return _back("disputes", "disputed")


@pages.post("/dashboard/disputes/<dispute_id>")
def decide_dispute(dispute_id: str) -> ResponseReturnValue:
    """The bank decides a dispute."""
    sandbox().call("POST", f"/v1/sandbox/disputes/{dispute_id}", {"outcome": request.form.get("to", "")})
    return _back("disputes", "decided")


@pages.post("/dashboard/refunds/<refund_id>")
def move_refund(refund_id: str) -> ResponseReturnValue:
    """The bank sends a refund back."""
    sandbox().call("POST", f"/v1/sandbox/refunds/{refund_id}", {"status": request.form.get("to", "")})
    return _back("refunds", "failed")


@pages.post("/dashboard/webhooks")
def set_webhook_faults() -> ResponseReturnValue:
    """Switch webhook faults on and off."""
    numbers = {name: request.form.get(name) or "0" for name in _NUMBERS}
    flags = {"api_version": request.form.get("api_version", ""), "reorder": "reorder" in request.form}
    sandbox().call("POST", "/v1/sandbox/webhook_faults", {**numbers, **flags})
    return _back("deliveries", "astray")


def _is_whole(charge_id: str) -> bool:
    """Whether nobody has disputed the charge or got all of it back."""
    charge = sandbox().call("GET", f"/v1/charges/{charge_id}")
    return not charge["disputed"] and not charge["refunded"]


def _back(section: str, done: str) -> ResponseReturnValue:
    return redirect(url_for(".dashboard_section", section=section, done=done), 303)
