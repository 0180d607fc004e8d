"""Opening a checkout while another window keeps opening others."""

import pytest

from billing.core import db
from billing.core.errors import Conflict
from billing.domain.checkout import service
from billing.gateway import checkout_sessions
from tests.domain import people
from tests.support.portal import BASE_URL, Portal


def test_who_loses_every_race_is_asked_to_try_again(inside: Portal) -> None:
    owner = people.account()
    customer = people.customer_of(owner)
    checkout_sessions.create_subscription(  # under the key of the first session, and never among the owner's own
        customer=people.customer_of(people.account("bob@example.com")),
        price=people.price_id(inside, "pro_monthly"),
        quantity=1,
        success_url=BASE_URL,
        cancel_url=BASE_URL,
        client_reference_id="bob",
        metadata={},
        trial_days=0,
        trial_needs_card=True,
        automatic_tax=False,
        key=(customer, "first"),
    )
    with db.edge(), pytest.raises(Conflict, match="Another window is choosing a plan at the same time"):
        service.open_session(owner, "starter_monthly", success_url=BASE_URL, cancel_url=BASE_URL)
