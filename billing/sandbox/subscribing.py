"""The life of a subscription: its start, its changes, its renewals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from billing.sandbox import automatic_tax, collection, ids, invoicing, shapes, standing, subscription_lines
from billing.sandbox.arithmetic import periods
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.invoicing import HOUR, Line
from billing.sandbox.payments import Verdict
from billing.sandbox.resources import coupons, customers, features, invoice_items, prices
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid

# How long before a renewal its invoice is announced.
UPCOMING = 7 * DAY
_LIVE = ("active", "trialing", "past_due", "unpaid", "paused")


@dataclass(frozen=True)
class Item:
    """What a subscription item is made from."""

    price: Json
    quantity: int | None = 1
    metadata: Mapping[str, str] = field(default_factory=dict)
    tax_rates: Sequence[str] = ()


def begin(unit: Unit, customer: Json, items: Sequence[Item], **fields: Any) -> Json:
    """Store a new subscription, not yet invoiced; `fields` override what it starts with."""
    currency = fields.pop("currency", None) or _currency(customer, items)
    items = [replace(item, price=prices.in_currency(item.price, currency)) for item in items]
    if any(item.price["type"] != "recurring" for item in items):
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param="items[0][price]",
        )
    customers.use_currency(unit, customer, currency)
    subscription_id = ids.new_id("sub")
    trial_end = fields.get("trial_end")
    chosen = fields.pop("billing_cycle_anchor", None)
    anchor = chosen or trial_end or unit.now
    discounts = fields.pop("discounts", None)
    subscription = shapes.blank(
        "subscription",
        id=subscription_id,
        automatic_tax=automatic_tax.of_subscription(enabled=False),
        billing_cycle_anchor=anchor,
        billing_mode={"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": None},
        billing_schedules=[],
        cancel_at_period_end=False,
        cancellation_details={"comment": None, "feedback": None, "feedback_option": None, "reason": None},
        collection_method="charge_automatically",
        created=unit.now,
        currency=currency,
        customer=customer["id"],
        default_tax_rates=[],
        discounts=[],
        invoice_settings={
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        items={
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        livemode=False,
        metadata={},
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        start_date=unit.now,
        status="trialing" if trial_end else "active",
        trial_settings={"end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}},
        trial_start=unit.now if trial_end else None,
        _anchored_later=chosen is not None,
        _pending=None,
        _warned=False,
    )
    subscription.update(fields)
    subscription["items"]["data"] = [new_item(unit, subscription, item) for item in items]
    unit.add(subscription)
    subscription["discounts"] = coupons.redeem(unit, discounts, customer=customer["id"], subscription=subscription_id)
    unit.save(subscription)
    return subscription


def _currency(customer: Json, items: Sequence[Item]) -> str:
    """The customer's currency if every price is offered in it, else that of the prices."""
    known = customer["currency"]
    if known and all(prices.offers(item.price, known) for item in items):
        return str(known)
    currency = str(items[0].price["currency"])
    if not all(prices.offers(item.price, currency) for item in items):
        raise invalid("All prices on a subscription must have the same currency.", param="items")
    return currency


def new_item(unit: Unit, subscription: Json, item: Item) -> Json:
    start, end = period_for(unit, subscription, item.price)
    made = shapes.blank(
        "subscription_item",
        id=ids.new_id("si", 14),
        created=unit.now,
        current_period_end=end,
        current_period_start=start,
        discounts=[],
        metadata=dict(item.metadata),
        quantity=item.quantity,
        subscription=subscription["id"],
        tax_rates=[],
        _price=item.price["id"],
        _used_from=start,
        _tax_rates=list(item.tax_rates),
    )
    unit.add({"id": made["id"], "object": "subscription_item", "subscription": subscription["id"]})
    return made


def first_invoice(
    unit: Unit, subscription: Json, *, one_time: Sequence[Line] = (), prorates: bool = True, **fields: Any
) -> Json:
    """The draft a new subscription begins with; it charges the time until a later anchor if it `prorates`."""
    items = subscription["items"]["data"]
    lines = [*subscription_lines.for_periods(unit, subscription, items, prorates=prorates), *one_time]
    return draft_for(unit, subscription, lines, "subscription_create", **fields)


def announce(unit: Unit, subscription: Json) -> None:
    """Tell the world of a new subscription and put its future on the agenda."""
    unit.emit("customer.subscription.created", subscription)
    plan(unit, subscription)
    features.refresh(unit, subscription["customer"])


def plan(unit: Unit, subscription: Json) -> None:
    """Put what is to come on the agenda, replacing what was there."""
    stripe_id = subscription["id"]
    unit.unschedule(stripe_id)
    if subscription["status"] == "incomplete":
        unit.schedule(stripe_id, "expire_incomplete", subscription["created"] + 23 * HOUR)
    if subscription["status"] in standing.FINISHED:
        return
    if subscription["status"] != "paused":
        ends = _next_end(subscription)
        unit.schedule(stripe_id, "renew", ends, rank=5)
        if ends - UPCOMING > unit.now:
            unit.schedule(stripe_id, "announce_renewal", ends - UPCOMING, rank=6)
    if subscription["status"] == "paused" and subscription.get("_resumes_at"):
        unit.schedule(stripe_id, "resume", subscription["_resumes_at"], rank=3)
    if subscription["cancel_at"] is not None:
        unit.schedule(stripe_id, "cancel", subscription["cancel_at"], rank=1)
    if subscription["status"] == "trialing" and not subscription["_warned"]:
        unit.schedule(stripe_id, "warn_of_trial_end", max(subscription["trial_end"] - 3 * DAY, unit.now), rank=2)
    paused = subscription["pause_collection"]
    if paused and paused["resumes_at"]:
        unit.schedule(stripe_id, "resume_collection", paused["resumes_at"], rank=3)
    if subscription["_pending"]:
        unit.schedule(stripe_id, "expire_pending_update", subscription["_pending"]["expires_at"])


def renew(unit: Unit, subscription: Json) -> None:
    """A period or a trial is over."""
    if _ends_trial(unit, subscription):
        end_trial(unit, subscription)
    elif subscription["status"] in _LIVE:
        start_period(unit, subscription)


def renewal_draft(unit: Unit, subscription: Json) -> Json | None:
    """The draft that renewing now makes, and nothing else of a renewal; None where it makes none."""
    if _ends_trial(unit, subscription):
        if _lacks_method(unit, subscription):
            return None
        _leave_trial(unit, subscription)
    return next_draft(unit, subscription) if subscription["status"] in _LIVE else None


def _ends_trial(unit: Unit, subscription: Json) -> bool:
    return subscription["status"] == "trialing" and (subscription["trial_end"] or 0) <= unit.now


def end_trial(unit: Unit, subscription: Json, *, at_once: bool = False) -> Json | None:
    """Start to charge, or do what the trial settings say when there is nothing to charge."""
    if _lacks_method(unit, subscription):
        if subscription["trial_settings"]["end_behavior"]["missing_payment_method"] == "cancel":
            standing.end(unit, subscription, reason=None)
        else:
            pause(unit, subscription, "trial_end_without_payment_method")
        return None
    _leave_trial(unit, subscription)
    return start_period(unit, subscription, at_once=at_once)


def trial_end_draft(unit: Unit, subscription: Json) -> Json:
    """End the trial now and draft the first paid period's invoice; the subscription is not saved."""
    _leave_trial(unit, subscription)
    return next_draft(unit, subscription)


def _leave_trial(unit: Unit, subscription: Json) -> None:
    subscription.update({"status": "active", "trial_end": min(subscription["trial_end"], unit.now)})
    subscription["billing_cycle_anchor"] = unit.now
    for item in subscription["items"]["data"]:
        item["current_period_end"] = unit.now
        item["_used_from"] = unit.now


def start_period(unit: Unit, subscription: Json, *, at_once: bool = False) -> Json:
    """Move the items whose period is over to their next one, and draft its invoice."""
    draft = next_draft(unit, subscription)
    subscription["latest_invoice"] = draft["id"]
    unit.save(subscription, "customer.subscription.updated")
    plan(unit, subscription)
    features.refresh(unit, subscription["customer"])
    if at_once:
        collection.finalize_due(unit, draft)
    elif draft["auto_advance"]:
        unit.schedule(draft["id"], "finalize", unit.now + HOUR)
    return draft


def next_draft(unit: Unit, subscription: Json) -> Json:
    """Move the items on and draft their invoice; the subscription is not saved."""
    ended = [item for item in subscription["items"]["data"] if item["current_period_end"] <= unit.now]
    previous = min(item["current_period_start"] for item in ended)
    for item in ended:
        price = unit.get("price", item["_price"])
        item["current_period_start"], item["current_period_end"] = period_for(unit, subscription, price)
    _drop_ended_discounts(unit, subscription)
    lines = subscription_lines.for_periods(unit, subscription, ended)
    for item in ended:
        item["_used_from"] = item["current_period_start"]
    paused = subscription["pause_collection"]
    held = subscription["status"] == "unpaid" or bool(paused and paused["behavior"] == "keep_as_draft")
    return draft_for(
        unit,
        subscription,
        lines,
        "subscription_cycle",
        auto_advance=not held,
        period_start=previous,
        period_end=unit.now,
        automatically_finalizes_at=None if held else unit.now + HOUR,
    )


def recurring_draft(unit: Unit, subscription: Json) -> Json:
    """The draft of one whole period of what the subscription charges for in advance: what it costs when nothing else
    does; the subscription is not saved.
    """
    subscription.update({"status": "active", "trial_end": None})
    for item in subscription["items"]["data"]:
        recurring = unit.get("price", item["_price"])["recurring"]
        end = periods.boundary(unit.now, recurring["interval"], recurring["interval_count"], 1)
        item.update({"current_period_start": unit.now, "current_period_end": end, "_used_from": unit.now})
    lines = subscription_lines.for_periods(unit, subscription, subscription["items"]["data"])
    return draft_for(unit, subscription, lines, "subscription_cycle", pending=(), starting_balance=0)


def pending_draft(unit: Unit, subscription: Json, *, reason: str = "subscription_update") -> Json | None:
    """A draft of the subscription's pending items; None when there are none."""
    if not unit.query("invoiceitem", limit=1, where={"parent": subscription["id"], "key": None}):
        return None
    return draft_for(unit, subscription, [], reason)


def bill_now(unit: Unit, subscription: Json) -> Verdict | None:
    """Invoice the pending items at once and collect; None when there is nothing to invoice."""
    draft = pending_draft(unit, subscription)
    if draft is None:
        return None
    subscription["latest_invoice"] = draft["id"]
    unit.save(subscription, "customer.subscription.updated")
    invoicing.finalize(unit, draft)
    if draft["collection_method"] == "send_invoice" and draft["amount_due"] > 0:
        return None
    return collection.collect(unit, draft, off_session=False)


def draft_for(
    unit: Unit,
    subscription: Json,
    lines: Sequence[Line],
    reason: str,
    *,
    pending: Sequence[Json] | None = None,
    **fields: Any,
) -> Json:
    """A draft of these lines and the `pending` items (None: all there are), on the subscription's terms."""
    customer = unit.get("customer", subscription["customer"])
    if pending is None:
        pending = invoice_items.pending(unit, customer["id"], subscription["id"])
    due = subscription["days_until_due"]
    draft = invoicing.draft(
        unit,
        customer,
        subscription["currency"],
        [*(invoice_items.as_line(unit, item) for item in pending), *lines],
        reason=reason,
        automatic_tax=automatic_tax.of_invoice(enabled=subscription["automatic_tax"]["enabled"]),
        collection_method=subscription["collection_method"],
        description=subscription["description"],
        discounts=list(subscription["discounts"]),
        due_date=unit.now + due * DAY if due is not None else None,
        _days_until_due=due,
        parent={
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        _subscription=subscription["id"],
        **fields,
    )
    for item in pending:
        item["invoice"] = draft["id"]
        unit.save(item)
    return draft


def period_for(unit: Unit, subscription: Json, price: Json) -> tuple[int, int]:
    """The current period an item of this price has, on the subscription's anchor."""
    trial_end = subscription["trial_end"]
    if trial_end is not None and trial_end > unit.now:
        return unit.now, trial_end
    recurring = price["recurring"]
    start, end = periods.containing(
        subscription["billing_cycle_anchor"], recurring["interval"], recurring["interval_count"], unit.now
    )
    return (max(start, subscription["start_date"]) if subscription.get("_anchored_later") else start), end


def _next_end(subscription: Json) -> int:
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


def _lacks_method(unit: Unit, subscription: Json) -> bool:
    """Whether the trial settings say what becomes of a subscription that has, as this one, nothing to pay with."""
    if subscription["trial_settings"]["end_behavior"]["missing_payment_method"] == "create_invoice":
        return False
    customer = unit.get("customer", subscription["customer"])
    return not (subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"])


def pause(unit: Unit, subscription: Json, reason: str) -> None:
    """Stop a subscription's periods and invoices, for one of Stripe's pause reasons."""
    subscription["status"] = "paused"
    subscription["status_details"] = {
        "paused": {"subscription": {"type": reason}, "transitioned_at": unit.now, "type": "subscription"}
    }
    unit.save(subscription, "customer.subscription.updated")
    unit.emit("customer.subscription.paused", subscription)
    plan(unit, subscription)
    features.refresh(unit, subscription["customer"])


def _drop_ended_discounts(unit: Unit, subscription: Json) -> None:
    kept = []
    for name in subscription["discounts"]:
        discount = unit.get("discount", name)
        if discount["end"] is None or discount["end"] > unit.now:
            kept.append(name)
        else:
            unit.emit("customer.discount.deleted", discount)
    subscription["discounts"] = kept


def cancel_due(unit: Unit, subscription: Json) -> None:
    """The moment set by cancel_at has come; what was used until now is billed at once."""
    if subscription["status"] in standing.FINISHED:
        return
    used = subscription_lines.charge_all_usage(unit, subscription)
    standing.end(unit, subscription, reason="cancellation_requested")
    if used:
        bill_now(unit, subscription)


def warn_of_trial_end(unit: Unit, subscription: Json) -> None:
    subscription["_warned"] = True
    unit.save(subscription)
    unit.emit("customer.subscription.trial_will_end", subscription)


def resume_collection(unit: Unit, subscription: Json) -> None:
    subscription["pause_collection"] = None
    unit.save(subscription, "customer.subscription.updated")
