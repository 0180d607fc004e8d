"""The one client: what it asks, when it may not, and what a broken server looks like to it."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import stripe
from flask import Flask

from billing.core import db
from billing.core.settings import Settings
from billing.gateway import client, customers
from billing.gateway.client import asking, key_for
from billing.gateway.errors import NoSuchObject, StripeUnreachable
from billing.gateway.transport import WSGITransport
from tests.support.portal import Portal


def test_answers_are_plain_and_of_the_pinned_version(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        made = customers.create(
            {"email": "ada@example.com", "name": "Ada"}, metadata={"account_id": "1"}, key=("test",)
        )
        again = customers.retrieve(made["id"])
    assert type(again) is dict
    assert type(again["metadata"]) is dict
    assert again["email"] == "ada@example.com"
    assert stripe.api_version == client.API_VERSION


def test_the_same_key_makes_one_customer(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context():
        first, second, other = (
            customers.create({"email": "ada@example.com", "name": "Ada"}, metadata={}, key=(key,))
            for key in ("a", "a", "b")
        )
    assert first["id"] == second["id"] != other["id"]


def test_stripes_errors_leave_as_refusals(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context(), pytest.raises(NoSuchObject) as refused:
        customers.retrieve("cus_none")
    assert isinstance(refused.value.__cause__, stripe.InvalidRequestError)


def test_asking_inside_a_write_is_refused(sqlite_portal: Portal) -> None:
    with sqlite_portal.app.app_context(), db.edge():
        with asking():
            pass
        db.begin_write()
        with pytest.raises(RuntimeError, match="inside a writing transaction"):
            customers.retrieve("cus_none")


def test_a_server_that_crashes_is_unreachable() -> None:
    def crash(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        raise ZeroDivisionError

    app = Flask("alone")
    database = db.connect("sqlite:///unused.sqlite3")
    db.init_app(app, database)
    client.init_app(app, Settings.load(env_file=None), crash)
    with app.app_context(), pytest.raises(StripeUnreachable):
        customers.retrieve("cus_1")
    database.dispose()


def test_the_transport_passes_everything_on() -> None:
    seen: list[tuple[str, str, str, str, bytes]] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        seen.append(
            (
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                environ["QUERY_STRING"],
                environ["HTTP_AUTHORIZATION"],
                environ["wsgi.input"].read(length),
            )
        )
        start_response("402 Payment Required", [("Request-Id", "req_1")])
        return [b"{}"]

    transport = WSGITransport(app)
    body, status, headers = transport.request(
        "post", "https://api.stripe.com/v1/things?expand=x", {"Authorization": "Bearer sk"}, "name=Ada"
    )
    transport.close()
    assert seen == [("POST", "/v1/things", "expand=x", "Bearer sk", b"name=Ada")]
    assert (body, status, headers["Request-Id"]) == (b"{}", 402, "req_1")


def test_idempotency_keys_tell_their_parts_apart() -> None:
    keys = [key_for(*parts)["idempotency_key"] for parts in [("ab", "c"), ("a", "bc"), ("a", "b", "c"), ("ab", "c")]]
    assert keys[0] == keys[3]
    assert len(set(keys)) == 3
    assert all(key is not None and key.startswith("billing-") and len(key) <= 255 for key in keys)
