"""The one Stripe client of an app: pinned API version, time-outs, retries, and errors turned into ours."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from wsgiref.types import WSGIApplication

import stripe
from flask import Flask, current_app

from billing.core import db
from billing.core.settings import Settings
from billing.gateway.errors import translate
from billing.gateway.transport import NetworkTransport, WSGITransport

API_VERSION = stripe.api_version

_EXTENSION = "billing.stripe"
_TIMEOUT_SECONDS = (3.05, 20)  # to connect, to answer
_RETRIES = 2
_BRIEF = "billing.stripe.brief"
_BRIEF_TIMEOUT_SECONDS = (1, 3)
_SANDBOX_KEY = "sk_test_sandbox"


def init_app(app: Flask, settings: Settings, sandbox: WSGIApplication | None) -> None:
    """Give `app` its client: to `sandbox` in this process where one is given, else to Stripe (or STRIPE_API_BASE)."""
    stripe.enable_telemetry = False  # it would write a file into the home directory
    stripe.set_app_info("flask-billing-portal")
    for name, timeout, retries in (
        (_EXTENSION, _TIMEOUT_SECONDS, _RETRIES),
        (_BRIEF, _BRIEF_TIMEOUT_SECONDS, 0),
    ):
        app.extensions[name] = stripe.StripeClient(
            settings.stripe_secret_key.get_secret_value() or _SANDBOX_KEY,
            http_client=WSGITransport(sandbox) if sandbox else NetworkTransport(*timeout),
            max_network_retries=retries,
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
        )


@contextmanager
def asking(*, briefly: bool = False) -> Iterator[stripe.StripeClient]:
    """The current app's client; what Stripe raises inside leaves as one of our refusals.

    `briefly`: once and for seconds only, for what a page can do without while a person waits for it.
    Refused inside a writing transaction: a slow answer would make every other writer wait.
    """
    if db.is_writing():
        raise RuntimeError("Stripe was asked inside a writing transaction; ask first, then write")
    try:
        yield current_app.extensions[_BRIEF if briefly else _EXTENSION]
    except stripe.StripeError as error:
        raise translate(error) from error


def plain(answer: stripe.StripeObject) -> dict[str, Any]:
    """Stripe's answer as plain dicts and lists."""
    return answer.to_dict(for_json=True)


def fetch(path: str, expand: Sequence[str] = ()) -> dict[str, Any]:
    """The object at `path` (such as `/v1/customers/cus_…`) as Stripe's JSON has it. Raises NoSuchObject.

    What is asked most goes this way: the SDK takes longer to make its objects of an answer, which `plain` would undo,
    than everything else takes.
    """
    with asking() as stripe:
        params = {"expand": list(expand)} if expand else {}
        found: dict[str, Any] = stripe.raw_request("get", path, **params).data
        return found


def fetch_all(path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every object of the list at `path`, the newest first, as Stripe's JSON has it. Raises NoSuchObject."""
    found: list[dict[str, Any]] = []
    more = True
    with asking() as stripe:
        while more:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = stripe.raw_request("get", path, limit=100, **params, **after).data
            found += page["data"]
            more = page["has_more"]
    return found


def take_out(answer: dict[str, Any], *path: str) -> dict[str, Any] | None:
    """The object expanded at `path` in `answer`, which keeps its id in place; None where nothing is referred to."""
    *way, name = path
    for step in way:
        answer = answer.get(step) or {}
    found = answer.get(name)
    if not isinstance(found, dict):
        return None
    answer[name] = found["id"]
    return found


def key_for(*parts: object) -> stripe.RequestOptions:
    """Options with an idempotency key made of `parts`: the same parts, the same request."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
    return {"idempotency_key": f"billing-{digest[:48]}"}
