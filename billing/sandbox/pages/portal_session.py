"""Portal sessions: who is inside, for how long, what they may do, and where they go when done."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.sandbox.pages import words
from billing.sandbox.pages.blueprint import (
    Json,
    allow_forms_to_reach,
    fetch,
    merchant,
    message,
    pages,
    sandbox,
)
from billing.sandbox.wire.errors import StripeApiError

UNUSED_SECONDS = 5 * 60
ACTIVE_SECONDS = 60 * 60
Page = ResponseReturnValue

DONE = {
    "card": "Your payment method has been updated.",
    "customer": "Your billing information has been updated.",
    "update": "Your plan has been updated.",
    "scheduled": "Your plan will change when its current period ends.",
    "keep": "Your plan stays as it is.",
    "cancel": "Your plan has been cancelled.",
    "retain": "The discount has been added to your plan.",
    "pause": "Your plan has been paused.",
    "resume": "Your plan goes on.",
    "renew": "Your plan will not be cancelled.",
    "default": "Your default payment method has been changed.",
    "remove": "The payment method has been removed.",
}
ENDED = ("canceled", "incomplete_expired")


@dataclass
class Portal:
    """An open portal session with its customer and what the configuration allows.

    `now` (epoch seconds) is the time the customer lives in: that of their test clock, if they are on one.
    """

    session: Json
    customer: Json
    features: Json
    profile: Json
    merchant: str
    now: int

    @property
    def id(self) -> str:
        stripe_id: str = self.session["id"]
        return stripe_id

    @property
    def customer_words(self) -> str:
        return str(self.customer.get("name") or self.customer.get("email") or "this customer")

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    @property
    def is_in_flow(self) -> bool:
        return bool(self.session.get("flow")) and not self.session.get("_flow_completed")

    def flow_of(self, kind: str, subscription: str) -> Json:
        """What the flow says of this subscription; nothing if the flow is another one."""
        if not self.is_in_flow or self.session["flow"]["type"] != kind:
            return {}
        details: Json = self.session["flow"][kind]
        return details if details["subscription"] == subscription else {}

    @property
    def is_at_home(self) -> bool:
        return request.endpoint == f"{pages.name}.portal_home"

    @property
    def back_url(self) -> str | None:
        if self.is_in_flow or self.is_at_home:
            url: str | None = self.session["return_url"]
            return url
        return url_for(".portal_home", session_id=self.id)

    @property
    def back_words(self) -> str:
        if self.is_in_flow or self.is_at_home:
            return words.back_to(self.session["return_url"])
        return "Back to your billing"

    def allows(self, feature: str) -> bool:
        return bool(self.features[feature]["enabled"])


class Expired(Exception):
    """The session's time is over."""

    def __init__(self, session: Json, now: int) -> None:
        super().__init__(session["id"])
        self.session = session
        self.now = now


@pages.errorhandler(Expired)
def expired(end: Expired) -> tuple[str, int]:
    heading = "This billing session has expired"
    if can_recover(end.session, end.now):
        action = url_for(".portal_recover", session_id=end.session["id"])
        page = render_template(
            "sandbox/portal/login.html", merchant=merchant(), heading=heading, action=action, values={}, errors={}
        )
        return page, 410
    return message(heading, "Go back to the shop and open the billing portal again."), 410


def can_recover(session: Json, now: int) -> bool:
    """Whether the customer of an expired session may come back to it by logging in."""
    after = session.get("after_expiration")
    if not after:
        return False
    until = after["customer_login"]["expires_at"]
    return until is None or now < until


def enter(session_id: str) -> Portal:
    """The open portal session, kept alive by being used; raises Expired, or 404 for an unknown one."""
    try:
        with sandbox().unit() as unit:
            session = unit.get("billing_portal.session", session_id)
            used_at = session.get("_used_at")
            now = unit.now
            if now > (session["created"] + UNUSED_SECONDS if used_at is None else used_at + ACTIVE_SECONDS):
                raise Expired(session, now)
            session["_used_at"] = now
            unit.save(session)
    except StripeApiError:
        abort(404)
    customer = fetch(f"/v1/customers/{session['customer']}")
    if customer.get("deleted"):
        abort(404)
    configuration = fetch(f"/v1/billing_portal/configurations/{session['configuration']}")
    allow_forms_to_reach(session["return_url"])
    completion = (session.get("flow") or {}).get("after_completion") or {}
    if completion.get("type") == "redirect":
        allow_forms_to_reach(completion["redirect"]["return_url"])
    return Portal(
        session=session,
        customer=customer,
        features=configuration["features"],
        profile=configuration["business_profile"],
        merchant=merchant(),
        now=now,
    )


def complete(portal: Portal, what: str) -> Page:
    """Where a finished change leads: a flow's own ending, or the portal's home page with a word of success."""
    if portal.is_in_flow:
        with sandbox().unit() as unit:
            session = unit.get("billing_portal.session", portal.id)
            session["_flow_completed"] = True
            unit.save(session)
        completion = portal.session["flow"]["after_completion"]
        if completion["type"] == "redirect":
            return redirect(completion["redirect"]["return_url"], 303)
        if completion["type"] == "hosted_confirmation":
            custom = (completion["hosted_confirmation"] or {}).get("custom_message")
            return message(DONE[what], custom or "", portal.session["return_url"])
    return redirect(url_for(".portal_home", session_id=portal.id, done=what), 303)


def subscriptions(portal: Portal) -> list[Json]:
    """The customer's subscriptions that have not ended."""
    found = fetch("/v1/subscriptions", customer=portal.customer["id"], limit=100)["data"]
    return [subscription for subscription in found if subscription["status"] not in ENDED]


def subscription_of(portal: Portal, subscription_id: str) -> Json:
    """One of the customer's subscriptions; 404 for anybody else's."""
    subscription = fetch(f"/v1/subscriptions/{subscription_id}")
    if subscription["customer"] != portal.customer["id"] or subscription["status"] in ENDED:
        abort(404)
    return subscription


def is_ending(subscription: Json) -> bool:
    """Whether it will be cancelled; flexible billing sets `cancel_at` alone."""
    return bool(subscription["cancel_at"] or subscription["cancel_at_period_end"])


def period_end(subscription: Json) -> int:
    """When the current period of the first item ends (epoch seconds)."""
    end: int = subscription["items"]["data"][0]["current_period_end"]
    return end


def plan_words(subscription: Json) -> Json:
    """What a plan is called and costs, items together."""
    items = subscription["items"]["data"]
    return {
        "name": ", ".join(product_name(item["price"]) for item in items),
        "price": ", ".join(words.price(item["price"], quantity_of(item)) for item in items),
    }


def quantity_of(item: Json) -> int:
    """How many of its price an item has; metered ones count as one."""
    quantity = item.get("quantity")
    return 1 if quantity is None else int(quantity)


def product_name(price: Json) -> str:
    name: str = fetch(f"/v1/products/{price['product']}")["name"]
    return name


def tax_ids(customer: str) -> list[Json]:
    """The tax ids of a customer."""
    found: list[Json] = fetch(f"/v1/customers/{customer}/tax_ids", limit=100)["data"]
    return found
