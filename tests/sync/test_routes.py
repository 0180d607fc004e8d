"""Which event is about which object: the table, and what an odd payload does to it."""

from typing import Any

import pytest

from billing.sync.routes import EVENTS, Subject, customer_of, subject_of


def event(type: str, **thing: Any) -> dict[str, Any]:
    return {"type": type, "data": {"object": thing}}


SUBJECTS: list[tuple[dict[str, Any], Subject | None]] = [
    (event("customer.updated", id="cus_1"), Subject("customer", "cus_1", "cus_1")),
    (event("invoice.paid", id="in_1", customer="cus_1"), Subject("invoice", "in_1", "cus_1")),
    (event("invoice.paid", id="in_1", customer={"id": "cus_1"}), Subject("invoice", "in_1", "cus_1")),
    (event("invoice_payment.paid", id="inpay_1", invoice="in_1"), Subject("invoice", "in_1", None)),
    (event("payment_method.detached", id="pm_1", customer=None), Subject("payment_method", "pm_1", None)),
    (event("product.deleted", id="prod_1"), Subject("product", "prod_1", None)),
    (event("checkout.session.completed", id="cs_1", customer="cus_1"), Subject("checkout_session", "cs_1", "cus_1")),
    # nothing we act on, or nothing to ask about
    (event("charge.succeeded", id="ch_1", customer="cus_1"), None),
    (event("invoice.upcoming", customer="cus_1"), None),
    (event("invoice_payment.paid", id="inpay_1"), None),
    (event("customer.updated"), None),
    (event("customer.updated", id=""), None),
    (event("customer.updated", id=["cus_1"]), None),
]


@pytest.mark.parametrize(("told", "subject"), SUBJECTS)
def test_what_an_event_is_about(told: dict[str, Any], subject: Subject | None) -> None:
    assert subject_of(told) == subject


@pytest.mark.parametrize("type", sorted(EVENTS))
def test_every_event_we_ask_for_has_a_subject(type: str) -> None:
    subject = subject_of(event(type, id="obj_1", invoice="in_1", customer="cus_1"))
    assert subject is not None
    assert subject.noun == EVENTS[type]


@pytest.mark.parametrize(
    ("said", "customer"),
    [("cus_1", "cus_1"), ({"id": "cus_1"}, "cus_1"), ({"deleted": True}, None), (["cus_1"], None), (None, None)],
)
def test_whose_an_event_is_that_we_do_not_act_on(said: Any, customer: str | None) -> None:
    assert customer_of(event("charge.succeeded", id="ch_1", customer=said)) == customer
