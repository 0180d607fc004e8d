"""Subscriptions."""

import copy
from typing import Any

from billing.sandbox import (
    anchors,
    automatic_tax,
    collection,
    extras,
    invoicing,
    items,
    metadata,
    pending_updates,
    phases,
    standing,
    subscribing,
    subscription_lines,
)
from billing.sandbox.arithmetic.periods import DAY
from billing.sandbox.payments import Verdict
from billing.sandbox.resources import coupons, features
from billing.sandbox.resources.subscription_params import CANCEL, CREATE, MIGRATION, UPDATE
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, card_error, invalid
from billing.sandbox.wire.pages import listing, within
from billing.sandbox.wire.params import (
    PAGE,
    SEARCH,
    Boolean,
    Fields,
    Range,
    Text,
    exclusive,
    missing,
)
from billing.sandbox.wire.routes import Params, route
from billing.sandbox.wire.search import search

_CAN_PEND = {
    "billing_cycle_anchor",
    "discounts",
    "items",
    "off_session",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
}
_STATUSES = ("active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid")


def create(unit: Unit, params: Params) -> Json:
    """Start a subscription and collect its first payment as `payment_behavior` says."""
    customer = unit.get("customer", params["customer"], "customer")
    if not params["items"]:
        raise missing("items")
    wanted = [items.read_item(unit, given, index) for index, given in enumerate(params["items"])]
    trial_end = _trial_end(unit, params)
    subscription = subscribing.begin(
        unit,
        customer,
        wanted,
        trial_end=trial_end,
        billing_cycle_anchor=anchors.chosen(unit, params, wanted),
        billing_cycle_anchor_config=params.get("billing_cycle_anchor_config"),
        currency=params.get("currency", "").lower() or None,
        discounts=params.get("discounts"),
    )
    set_terms(unit, subscription, params)
    if params.get("billing_mode", {}).get("type") == "classic":
        subscription["billing_mode"] = {"flexible": None, "type": "classic", "updated_at": None}
    _set_cancellation(unit, subscription, params)
    manual = subscription["collection_method"] == "send_invoice"
    behaviour = params.get("payment_behavior", "allow_incomplete")
    _add_extras(unit, subscription, params)
    prorates = params.get("proration_behavior") != "none"
    draft = subscribing.first_invoice(unit, subscription, prorates=prorates)
    subscription["latest_invoice"] = draft["id"]
    wants_money = draft["amount_due"] > 0 and not manual
    if wants_money and behaviour != "default_incomplete" and collection.method_for(unit, draft) is None:
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method. For more information, visit "
            "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
            code="resource_missing",
        )
    if wants_money:
        subscription["status"] = "incomplete"
    unit.save(subscription)
    subscribing.announce(unit, subscription)
    invoicing.finalize(unit, draft)
    if draft["amount_due"] == 0 or (wants_money and behaviour != "default_incomplete"):
        verdict = collection.collect(unit, draft, off_session=params.get("off_session", False))
        _refuse_incomplete(behaviour, verdict)
    return unit.present(subscription)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    """Change a subscription; one with a schedule takes the schedule's current phase along."""
    answer = change(unit, params, id=id)
    phases.follow(unit, unit.get("subscription", id), params)
    return answer


def change(unit: Unit, params: Params, *, id: str) -> Json:
    """Change a subscription, and that alone."""
    subscription = unit.get("subscription", id)
    if subscription["status"] in standing.FINISHED and set(params) - {"metadata", "cancellation_details"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    pends = params.get("payment_behavior") == "pending_if_incomplete"
    if pends and set(params) - _CAN_PEND:
        name = min(set(params) - _CAN_PEND)
        raise invalid(f"`{name}` is not supported with `payment_behavior=pending_if_incomplete`.", param=name)
    before = copy.deepcopy(subscription) if pends else subscription
    at = params.get("proration_date", unit.now)
    behaviour = params.get("proration_behavior", "create_prorations")
    set_terms(unit, subscription, params)
    if "discounts" in params:
        given = params["discounts"]
        subscription["discounts"] = coupons.redeem(unit, given, customer=subscription["customer"], subscription=id)
    _note_reasons(unit, subscription, params)
    if "pause_collection" in params:
        pause = params["pause_collection"]
        subscription["pause_collection"] = pause and {
            "behavior": pause["behavior"],
            "resumes_at": pause.get("resumes_at"),
        }
    restarted = items.change(unit, subscription, params, behaviour=behaviour, at=at)
    bills = behaviour == "always_invoice" or restarted
    ends_trial = _change_trial(unit, subscription, params)
    _add_extras(unit, subscription, params)
    _set_cancellation(unit, subscription, params)
    draft = None
    if pends and ends_trial:
        draft = subscribing.trial_end_draft(unit, subscription)
    elif pends and bills:
        draft = subscribing.pending_draft(unit, subscription)
    if draft is not None:
        pending_updates.attempt(unit, subscription, before, draft, kind="update")
        return unit.present(subscription)
    unit.save(subscription, "customer.subscription.updated")
    subscribing.plan(unit, subscription)
    features.refresh(unit, subscription["customer"])
    if ends_trial:
        subscribing.end_trial(unit, subscription, at_once=True)
    elif bills:
        verdict = subscribing.bill_now(unit, subscription)
        if verdict is not None:
            _refuse_incomplete(params.get("payment_behavior", "allow_incomplete"), verdict)
    return unit.present(subscription)


def cancel(unit: Unit, params: Params, *, id: str) -> Json:
    """Cancel now. No money comes back by itself; `prorate` credits the unused time."""
    subscription = unit.get("subscription", id)
    if subscription["status"] in standing.FINISHED:
        raise invalid(f"No such subscription: '{id}'", code="resource_missing", param="id", status=404)
    _note_reasons(unit, subscription, params)
    billed = subscription["status"] in ("active", "past_due")
    if params.get("prorate") and billed:
        subscription_lines.credit_unused(unit, subscription)
    if params.get("invoice_now") and billed:
        subscription_lines.charge_all_usage(unit, subscription)
    end(unit, subscription, reason="cancellation_requested")
    if params.get("invoice_now"):
        subscribing.bill_now(unit, subscription)
    return unit.present(subscription)


def end(unit: Unit, subscription: Json, *, reason: str | None) -> None:
    """Cancel a subscription now, for `reason` (one of Stripe's cancellation reasons)."""
    standing.end(unit, subscription, reason=reason)


def migrate(unit: Unit, params: Params, *, id: str) -> Json:
    """Move a classic subscription to flexible billing, for good."""
    subscription = unit.get("subscription", id)
    if subscription["billing_mode"]["type"] == "flexible":
        raise invalid("This subscription is already in flexible billing mode.", param="billing_mode[type]")
    flexible = params["billing_mode"].get("flexible", {"proration_discounts": "included"})
    subscription["billing_mode"] = {"flexible": flexible, "type": "flexible", "updated_at": unit.now}
    return unit.present(unit.save(subscription, "customer.subscription.updated"))


def delete_discount(unit: Unit, _params: Params, *, id: str) -> Json:
    subscription = unit.get("subscription", id)
    if not subscription["discounts"]:
        raise invalid(f"No active discount for subscription: {id}", code="resource_missing", status=404)
    discount = unit.get("discount", subscription["discounts"][0])
    subscription["discounts"] = []
    unit.save(subscription, "customer.subscription.updated")
    unit.emit("customer.discount.deleted", discount)
    return {**unit.present(discount), "deleted": True}


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("subscription", id))


def list_all(unit: Unit, params: Params) -> Json:
    status = params.get("status")
    where: dict[str, Any] = {}
    if status is None:
        where["status !="] = "canceled"
    elif status == "ended":
        where["status"] = standing.FINISHED
    elif status != "all":
        where["status"] = status
    if "customer" in params:
        where["customer"] = params["customer"]
    if "test_clock" in params or "customer" not in params:
        where["$.test_clock"] = params.get("test_clock")
    if "collection_method" in params:
        where["$.collection_method"] = params["collection_method"]
    if "automatic_tax" in params:
        where["$.automatic_tax.enabled"] = params["automatic_tax"]["enabled"]
    for name in ("current_period_end", "current_period_start"):
        where |= within(f"$.items.data[0].{name}", params.get(name))
    price = params.get("price", params.get("plan"))
    if price is not None:
        rows = unit.connection.execute(
            "SELECT DISTINCT objects.id FROM objects, json_each(objects.body, '$.items.data') AS item "
            "WHERE kind = 'subscription' AND json_extract(item.value, '$._price') = ?",
            (price,),
        )
        where["id"] = tuple(row[0] for row in rows)
    return listing(unit, "subscription", "/v1/subscriptions", params, where)


def find(unit: Unit, params: Params) -> Json:
    return search(unit, "subscription", "/v1/subscriptions/search", params)


def set_terms(unit: Unit, subscription: Json, params: Params) -> None:
    """Apply the parameters that change how a subscription is paid and described."""
    metadata.apply(subscription, params, "collection_method", "days_until_due", "description")
    if "default_payment_method" in params:
        reference = params["default_payment_method"]
        if reference is not None:
            method = unit.get("payment_method", reference, "default_payment_method")
            if method["customer"] != subscription["customer"]:
                raise invalid(
                    f"The customer does not have a payment method with the ID {reference}. The payment method must be "
                    "attached to the customer.",
                    code="resource_missing",
                    param="default_payment_method",
                )
        subscription["default_payment_method"] = reference
    if "default_tax_rates" in params:
        rates = params["default_tax_rates"] or ()
        subscription["default_tax_rates"] = [
            unit.present(unit.get("tax_rate", rate, "default_tax_rates")) for rate in rates
        ]
    if "automatic_tax" in params:
        enabled = params["automatic_tax"]["enabled"]
        if enabled:
            automatic_tax.require_location(unit.get("customer", subscription["customer"]))
        subscription["automatic_tax"] = automatic_tax.of_subscription(enabled=enabled)
    subscription["payment_settings"].update(params.get("payment_settings", {}))
    if "trial_settings" in params:
        given = params["trial_settings"]["end_behavior"]
        subscription["trial_settings"]["end_behavior"].update(given)
    manual = subscription["collection_method"] == "send_invoice"
    if manual and subscription["days_until_due"] is None:
        raise invalid("If `collection_method` is `send_invoice`, `days_until_due` must be set.", param="days_until_due")


def _note_reasons(unit: Unit, subscription: Json, params: Params) -> None:
    given = params.get("cancellation_details", {})
    if "feedback_option" in given:
        unit.get("billing.feedback_option", given["feedback_option"], "cancellation_details[feedback_option]")
    subscription["cancellation_details"].update(given)


def _trial_end(unit: Unit, params: Params) -> int | None:
    if "trial_end" in params and "trial_period_days" in params:
        raise exclusive("trial_end", "trial_period_days")
    if "trial_period_days" in params:
        return int(unit.now + params["trial_period_days"] * DAY)
    end = params.get("trial_end")
    if end in (None, "now"):
        return None
    if end <= unit.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    return int(end)


def _set_cancellation(unit: Unit, subscription: Json, params: Params) -> None:
    if subscription["schedule"] and {"cancel_at", "cancel_at_period_end"} & set(params):
        raise invalid(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead.",
            param="cancel_at",
        )
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if "cancel_at" in params and params.get("cancel_at_period_end"):
        raise exclusive("cancel_at", "cancel_at_period_end")
    if "cancel_at" in params:
        at = params["cancel_at"]
        if at in ("min_period_end", "max_period_end"):
            at = min(ends) if at == "min_period_end" else max(ends)
        elif at is not None and at <= unit.now:
            raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", param="cancel_at")
        subscription["cancel_at_period_end"] = False
    elif "cancel_at_period_end" in params:
        subscription["cancel_at_period_end"] = params["cancel_at_period_end"]
        at = min(ends) if params["cancel_at_period_end"] else None
    else:
        return
    details = subscription["cancellation_details"]
    if at is None:
        subscription.update({"cancel_at": None, "canceled_at": None})
        details.update(dict.fromkeys(details))
    else:
        if subscription["cancel_at"] != at:
            subscription["canceled_at"] = unit.now
        subscription["cancel_at"] = at
        details["reason"] = "cancellation_requested"


def _change_trial(unit: Unit, subscription: Json, params: Params) -> bool:
    """Apply `trial_end`; returns whether a running trial ends now."""
    if "trial_end" not in params:
        return False
    end = _trial_end(unit, {"trial_end": params["trial_end"]})
    if end is None:
        if subscription["status"] != "trialing":
            return False
        subscription["trial_end"] = unit.now
        return True
    subscription.update({"status": "trialing", "trial_end": end, "billing_cycle_anchor": end, "_warned": False})
    subscription["trial_start"] = subscription["trial_start"] or unit.now
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end
    return False


def _add_extras(unit: Unit, subscription: Json, params: Params) -> None:
    for index, given in enumerate(params.get("add_invoice_items", ())):
        price = extras.price_of(unit, given, f"add_invoice_items[{index}]")
        extras.add(unit, subscription, price, given)


def _refuse_incomplete(behaviour: str, verdict: Verdict) -> None:
    if behaviour != "error_if_incomplete" or verdict.status in ("succeeded", "processing"):
        return
    refusal: StripeApiError
    if verdict.decline is not None:
        refusal = verdict.decline.error()
    else:
        refusal = card_error(
            "Payment for this subscription requires additional user action before it can be completed successfully.",
            code="subscription_payment_intent_requires_action",
        )
    refusal.keeps_changes = False
    raise refusal


PRESENTERS = {"subscription": items.present_items}
AGENDA = {
    "renew": subscribing.renew,
    "cancel": subscribing.cancel_due,
    "warn_of_trial_end": subscribing.warn_of_trial_end,
    "resume_collection": subscribing.resume_collection,
    "expire_incomplete": standing.expire,
}
ROUTES = [
    route("POST", "/v1/subscriptions", create, CREATE),
    route(
        "GET",
        "/v1/subscriptions",
        list_all,
        {
            **PAGE,
            "automatic_tax": Fields(fields={"enabled": Boolean(required=True)}),
            "collection_method": Text(choices=("charge_automatically", "send_invoice")),
            "created": Range(),
            "current_period_end": Range(),
            "current_period_start": Range(),
            "customer": Text(),
            "plan": Text(),
            "price": Text(),
            "status": Text(choices=(*_STATUSES, "all", "ended")),
            "test_clock": Text(),
        },
    ),
    route("GET", "/v1/subscriptions/search", find, SEARCH),
    route("GET", "/v1/subscriptions/{id}", retrieve),
    route("POST", "/v1/subscriptions/{id}", update, UPDATE),
    route("DELETE", "/v1/subscriptions/{id}", cancel, CANCEL),
    route("POST", "/v1/subscriptions/{id}/migrate", migrate, {"billing_mode": MIGRATION}),
    route("DELETE", "/v1/subscriptions/{id}/discount", delete_discount),
]
