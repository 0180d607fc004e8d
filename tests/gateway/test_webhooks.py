"""The signature check: only what Stripe signed lately with a secret of ours gets in; nothing else breaks it."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.core.errors import Refusal
from billing.gateway.webhooks import BadEvent, BadSignature, verify
from tests.support.clock import START

SECRET = "whsec_new"
OTHER = "whsec_old"
NOW = int(START.timestamp())
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.updated",
    "created": NOW,
    "data": {"object": {"id": "cus_1"}},
}
THIN: dict[str, Any] = {
    "id": "evt_2",
    "object": "v2.core.event",
    "type": "v1.billing.meter.no_meter_found",
    "created": "2026-03-02T09:00:00.000Z",
    "livemode": False,
    "context": None,
    "reason": None,
}
BODY = json.dumps(EVENT).encode()

pytestmark = pytest.mark.usefixtures("frozen")


def signature(body: bytes, secret: str = SECRET, at: object = NOW) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def header(body: bytes = BODY, secret: str = SECRET, at: object = NOW) -> str:
    return f"t={at},v1={signature(body, secret, at)}"


def test_a_signed_event_is_read() -> None:
    assert verify(BODY, header(), [SECRET]) == EVENT


def test_a_thin_event_is_read_and_its_time_is_as_others_have_it() -> None:
    body = json.dumps(THIN).encode()
    assert verify(body, header(body), [SECRET]) == THIN | {"created": NOW}


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_while_a_secret_is_rotated_either_signs(secret: str) -> None:
    assert verify(BODY, header(secret=secret), [SECRET, OTHER]) == EVENT


def test_one_of_several_signatures_is_enough() -> None:
    both = f"t={NOW},v1={'0' * 64},v1={signature(BODY)},v0={'0' * 64}"
    assert verify(BODY, both, [SECRET]) == EVENT


@pytest.mark.parametrize(("age", "fits"), [(0, True), (300, True), (301, False), (-60, True)])
def test_a_signature_lasts_five_minutes(age: int, fits: bool) -> None:
    signed = header(at=NOW - age)
    if fits:
        assert verify(BODY, signed, [SECRET]) == EVENT
    else:
        with pytest.raises(BadSignature, match="older than five minutes"):
            verify(BODY, signed, [SECRET])


GOOD = signature(BODY)
BAD_HEADERS = {
    "none": "",
    "no time": f"v1={GOOD}",
    "no signature": f"t={NOW}",
    "another scheme": f"t={NOW},v0={GOOD}",
    "a time in words": f"t=noon,v1={GOOD}",
    "an endless time": f"t={'9' * 5000},v1={GOOD}",
    "another time": f"t={NOW - 1},v1={GOOD}",
    "a time with something behind it": f"t={NOW}=7,v1={GOOD}x",
    "not ASCII": f"t={NOW},v1=é{GOOD[1:]}",
    "cut short": f"t={NOW},v1={GOOD[:-1]}",
    "no equals sign": "t,v1",
    "commas": ",,,",
}


@pytest.mark.parametrize("bad", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_a_malformed_header_is_refused(bad: str) -> None:
    with pytest.raises(BadSignature, match="No signature in Stripe-Signature fits the body"):
        verify(BODY, bad, [SECRET])


def test_a_second_value_behind_the_time_does_not_break_the_check() -> None:
    assert verify(BODY, f"t={NOW}=7,v1={GOOD}", [SECRET]) == EVENT


@pytest.mark.parametrize("secrets", [[], [OTHER], [""]])
def test_another_secret_does_not_do(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        verify(BODY, header(), secrets)


def test_one_changed_byte_is_noticed() -> None:
    with pytest.raises(BadSignature):
        verify(BODY.replace(b"cus_1", b"cus_2"), header(), [SECRET])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not json", "The body is not JSON"),
        (b"[" * 100_000, "The body is not JSON"),
        (b"[]", "The body is no event"),
        (b"null", "The body is no event"),
        (b'"event"', "The body is no event"),
        (json.dumps(THIN | {"object": "v2.core.account"}).encode(), "The body is no event"),
    ],
)
def test_a_signed_body_of_another_kind_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(BadEvent, match=words):
        verify(body, header(body), [SECRET])


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(EVENT | {"object": "v2.core.event"}).encode(),
        json.dumps(THIN | {"created": "noon"}).encode(),
        json.dumps({name: value for name, value in THIN.items() if name != "created"}).encode(),
        json.dumps(THIN | {"id": 7}).encode(),
        json.dumps({name: value for name, value in EVENT.items() if name != "id"}).encode(),
        json.dumps(EVENT | {"type": None}).encode(),
        json.dumps(EVENT | {"created": "noon"}).encode(),
        json.dumps(EVENT | {"data": []}).encode(),
        json.dumps(EVENT | {"id": ""}).encode(),
        json.dumps(EVENT | {"id": "evt_\0"}).encode(),
        json.dumps(EVENT | {"id": "evt_\ud800"}).encode(),
        json.dumps(EVENT | {"type": "x" * 121}).encode(),
        json.dumps(EVENT | {"api_version": {}}).encode(),
        json.dumps(EVENT | {"created": True}).encode(),
        json.dumps(EVENT | {"created": 10**18}).encode(),
        json.dumps(EVENT | {"created": -1}).encode(),
        json.dumps(EVENT | {"data": {}}).encode(),
        json.dumps(EVENT | {"data": {"object": "cus_1"}}).encode(),
    ],
)
def test_a_signed_event_that_lacks_something_is_refused(body: bytes) -> None:
    with pytest.raises(BadEvent, match="The event lacks an id, a type, a time or an object"):
        verify(body, header(body), [SECRET])


def test_a_body_that_is_not_utf8_is_refused() -> None:
    body = b"\xff" + BODY
    with pytest.raises(BadSignature, match="The body is not UTF-8"):
        verify(body, header(body), [SECRET])


@given(st.binary(), st.text())
@settings(deadline=None)
def test_strangers_get_a_refusal_whatever_they_send(body: bytes, sent: str) -> None:
    with pytest.raises(Refusal):
        verify(body, sent, [SECRET])


@given(st.text(alphabet="tv01=, 9é", max_size=30))
@settings(deadline=None)
def test_headers_that_nearly_look_right_are_refused(sent: str) -> None:
    with pytest.raises(BadSignature):
        verify(BODY, sent, [SECRET])
