"""Changes of a subscription that wait for the payment of their invoice.

An update with `pending_if_incomplete` and a resumption with `resume_on_payment_success` leave the subscription as it
is until the invoice is paid, and are dropped with it after 23 hours.
Source: https://docs.stripe.com/billing/subscriptions/pending-updates
"""

import copy

from billing.sandbox import collection, invoicing, phases, subscribing
from billing.sandbox.invoicing import HOUR
from billing.sandbox.payments import Verdict
from billing.sandbox.resources import features
from billing.sandbox.unit import Json, Unit


def attempt(unit: Unit, subscription: Json, before: Json, draft: Json, *, kind: str) -> Verdict:
    """Put the subscription back to `before` and collect `draft`; paying it brings the change about.

    `kind` is update or resume.
    """
    after = copy.deepcopy(subscription)
    state = {name: value for name, value in after.items() if value != before.get(name) and name != "latest_invoice"}
    subscription.clear()
    subscription.update(before)
    draft["auto_advance"] = False
    subscription["latest_invoice"] = draft["id"]
    expires_at = unit.now + 23 * HOUR
    subscription["_pending"] = {
        "expires_at": expires_at,
        "invoice": draft["id"],
        "kind": kind,
        "latest_invoice": before["latest_invoice"],
        "state": state,
        "waits": False,
    }
    invoicing.finalize(unit, draft)
    verdict = collection.collect(unit, draft, off_session=False)
    if subscription["_pending"] is not None:
        subscription["_pending"]["waits"] = True
        unit.save(subscription, "customer.subscription.updated")
        unit.schedule(subscription["id"], "expire_pending_update", expires_at)
    return verdict


def apply(unit: Unit, subscription: Json) -> None:
    """The invoice is paid: what was asked for happens."""
    pending = subscription["_pending"]
    subscription.update(pending["state"])
    subscription["_pending"] = None
    unit.save(subscription, "customer.subscription.updated")
    subscribing.plan(unit, subscription)
    features.refresh(unit, subscription["customer"])
    phases.follow(unit, subscription, pending["state"])
    if pending["kind"] == "resume":
        unit.emit("customer.subscription.resumed", subscription)
    elif pending["waits"]:
        unit.emit("customer.subscription.pending_update_applied", subscription)


def drop(unit: Unit, subscription: Json) -> None:
    """The invoice will not be paid: the subscription stays as it is."""
    pending = subscription["_pending"]
    subscription["_pending"] = None
    subscription["latest_invoice"] = pending["latest_invoice"]  # what decides its standing decides it again
    unit.unschedule(subscription["id"], "expire_pending_update")
    unit.save(subscription, "customer.subscription.updated")
    if pending["kind"] == "update":
        unit.emit("customer.subscription.pending_update_expired", subscription)


def expire(unit: Unit, subscription: Json) -> None:
    """Its 23 hours are over."""
    if subscription.get("_pending"):
        collection.void(unit, unit.get("invoice", subscription["_pending"]["invoice"]))
