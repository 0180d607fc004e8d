"""Which event is about which object: the table, and what an odd payload does to it."""

import typing
from fnmatch import fnmatch
from typing import Any

import pytest
import stripe

from billing.sync.nouns import NOUNS
from billing.sync.routes import EVENTS, IGNORED, THIN_EVENTS, Subject, customer_of, subject_of
from tests.flows import test_events, test_money_events

STRIPES = sorted(typing.get_args(typing.get_type_hints(stripe.Event, include_extras=True)["type"]))
"""Every type of event that Stripe has, thin ones aside."""


def event(type: str, **thing: Any) -> dict[str, Any]:
    return {"type": type, "data": {"object": thing}}


SUBJECTS: list[tuple[dict[str, Any], Subject | None]] = [
    (event("customer.updated", id="cus_1"), Subject("customer", "cus_1", "cus_1")),
    (event("invoice.paid", id="in_1", customer="cus_1"), Subject("invoice", "in_1", "cus_1")),
    (event("invoice.paid", id="in_1", customer={"id": "cus_1"}), Subject("invoice", "in_1", "cus_1")),
    (event("invoice_payment.paid", id="inpay_1", invoice="in_1"), Subject("invoice", "in_1", None)),
    (event("invoice_payment.paid", id="inpay_1", invoice={"id": "in_1"}), Subject("invoice", "in_1", None)),
    (event("payment_method.detached", id="pm_1", customer=None), Subject("payment_method", "pm_1", None)),
    (event("product.deleted", id="prod_1"), Subject("product", "prod_1", None)),
    (event("checkout.session.completed", id="cs_1", customer="cus_1"), Subject("checkout_session", "cs_1", "cus_1")),
    (
        event("charge.succeeded", id="ch_1", payment_intent="pi_1", customer="cus_1"),
        Subject("payment_intent", "pi_1", "cus_1"),
    ),
    (event("charge.refunded", id="ch_1", payment_intent="pi_1"), Subject("charge", "ch_1", None)),
    (event("charge.dispute.created", id="dp_1", charge="ch_1"), Subject("dispute", "dp_1", None)),
    (event("setup_intent.succeeded", id="seti_1", payment_method="pm_1"), Subject("payment_method", "pm_1", None)),
    (event("customer.tax_id.deleted", id="txi_1", customer="cus_1"), Subject("customer", "cus_1", "cus_1")),
    (event("customer.source.expiring", id="card_1", customer="cus_1"), Subject("customer", "cus_1", "cus_1")),
    # a discount is part of what has it, the nearest first
    (
        event("customer.discount.deleted", id="di_1", customer="cus_1", subscription="sub_1", invoice=None),
        Subject("subscription", "sub_1", "cus_1"),
    ),
    (
        event("customer.discount.created", id="di_1", customer="cus_1", subscription=None, invoice="in_1"),
        Subject("invoice", "in_1", "cus_1"),
    ),
    (event("customer.discount.updated", id="di_1", customer="cus_1"), Subject("customer", "cus_1", "cus_1")),
    # a summary has no id of its own
    (
        event("entitlements.active_entitlement_summary.updated", customer="cus_1"),
        Subject("entitlements", "cus_1", "cus_1"),
    ),
    # thin: what it tells is asked for by its own id
    (
        {"type": "v1.billing.meter.error_report_triggered", "id": "evt_1", "related_object": {"id": "mtr_1"}},
        Subject("meter_error", "evt_1", None),
    ),
    ({"type": "v2.core.event_destination.ping", "id": "evt_1"}, None),
    # nothing we act on, or nothing to ask about
    (event("charge.succeeded", id="ch_1", payment_intent=None, customer="cus_1"), None),
    (event("invoice.upcoming", customer="cus_1"), None),
    (event("invoice_payment.paid", id="inpay_1"), None),
    (event("customer.updated"), None),
    (event("customer.updated", id=""), None),
    (event("customer.updated", id=["cus_1"]), None),
]


@pytest.mark.parametrize(("told", "subject"), SUBJECTS)
def test_what_an_event_is_about(told: dict[str, Any], subject: Subject | None) -> None:
    assert subject_of(told) == subject


def reasons(type: str) -> list[str]:
    """Why an event of the type is ignored."""
    return [why for pattern, why in IGNORED.items() if fnmatch(type, pattern)]


@pytest.mark.parametrize("type", STRIPES)
def test_every_event_of_stripes_is_acted_on_or_ignored_for_one_reason(type: str) -> None:
    assert (type in EVENTS) + len(reasons(type)) == 1


def test_nothing_is_listed_that_stripe_does_not_have() -> None:
    assert sorted(EVENTS.keys() - set(STRIPES)) == []
    assert [pattern for pattern in IGNORED if not any(fnmatch(type, pattern) for type in STRIPES)] == []
    assert all(type.startswith("v1.") for type in THIN_EVENTS)


def test_every_noun_of_an_event_is_kept() -> None:
    named = {where.noun for places in EVENTS.values() for where in places} | set(THIN_EVENTS.values())
    assert sorted(named - NOUNS.keys()) == []


def test_every_event_that_is_acted_on_has_a_story() -> None:
    stories = [*vars(test_events).values(), *vars(test_money_events).values()]
    told = {type for story in stories for type in getattr(story, "tells", ())}
    assert sorted((EVENTS.keys() | THIN_EVENTS.keys()) ^ told) == []


@pytest.mark.parametrize(
    ("said", "customer"),
    [("cus_1", "cus_1"), ({"id": "cus_1"}, "cus_1"), ({"deleted": True}, None), (["cus_1"], None), (None, None)],
)
def test_whose_an_event_is_that_we_do_not_act_on(said: Any, customer: str | None) -> None:
    assert customer_of(event("charge.updated", id="ch_1", customer=said)) == customer
