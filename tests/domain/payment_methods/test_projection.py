"""Payment methods: what may be shown of them, and nothing once they are gone."""

from billing.core import db
from billing.domain.customers.models import Customer
from billing.domain.payment_methods import queries
from billing.domain.payment_methods.models import PaymentMethod
from billing.sync import closing, refresh
from billing.sync.noun import Ref
from tests.domain import people
from tests.support.portal import Portal


def test_a_card_shows_its_last_digits_only(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    method = inside.sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    people.learn("payment_method", method)
    with db.edge() as session:
        row = session.query(PaymentMethod).one()
        assert (row.type, row.brand, row.last4, row.is_detached) == ("card", "visa", "4242", False)
        assert row.fingerprint
        assert "4242424242424242" not in str(vars(row))
        assert queries.find_all([method, None, "pm_unknown"]) == {method: row}
        assert queries.find_all([None]) == {}


def test_a_detached_card_stays_known_as_such(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    method = inside.sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    people.learn("payment_method", method)
    inside.sandbox.call("POST", f"/v1/payment_methods/{method}/detach")
    people.learn("payment_method", method)
    with db.edge() as session:
        assert session.query(PaymentMethod).one().is_detached


def test_a_card_that_was_nobodys_here_is_not_kept(inside: Portal) -> None:
    customer = people.customer_of(people.account())
    method = inside.sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    inside.sandbox.call("POST", f"/v1/payment_methods/{method}/detach")
    assert people.learn("payment_method", method) == []
    with db.edge() as session:
        assert session.query(PaymentMethod).count() == 0


def test_an_answer_from_before_its_account_was_deleted_brings_no_card_back(inside: Portal) -> None:
    ada = people.account()
    customer = people.customer_of(ada)
    method = inside.sandbox.call("POST", "/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    with db.edge():
        asked = refresh.ask(Ref("payment_method", method))
    assert closing.request(ada.id, at_once=True) is None
    with db.edge():
        refresh.write(asked)
    with db.edge() as session:
        assert session.query(PaymentMethod).all() == []
        assert {(row.email, row.is_deleted) for row in session.query(Customer)} == {(None, True)}
