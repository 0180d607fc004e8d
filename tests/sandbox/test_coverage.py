"""The table of what is covered is current, and the sandbox has no route or parameter that Stripe has not."""

from billing.sandbox import registry
from tests.architecture.tree import PROJECT
from tests.sandbox import coverage

BEYOND_THE_SDK = {
    "/v1/charges/{charge}/refunds": "the list a charge names as its own",
    "/v1/charges/{charge}/refunds/{id}": "an entry of it",
    "/v1/payment_pages/{id}": "what the command line's `stripe trigger checkout.session.completed` calls",
    "/v1/payment_pages/{id}/confirm": "the same",
    "/v1/events/{id}/retry": "what the command line's `stripe events resend` calls",
}
"""Stripe has these; the SDK's services do not call them."""

PAGES = {"page"}
"""What the address of the next page says, which a list of /v2 gives: the SDK follows it and names no parameter."""

STRIPE_JS = {"client_secret", "key", "_stripe_js"}
"""What a browser sends with its publishable key."""


def test_the_table_is_current() -> None:
    written = (PROJECT / "docs/sandbox/coverage.md").read_text()
    assert written == coverage.page(), "run `make sandbox-coverage`"


def test_every_route_is_stripes() -> None:
    routes = [route for route in registry.ROUTES.routes if not route.path.startswith(coverage.OWN)]
    assert [route.path for route in routes if not coverage.is_known(route) and route.path not in BEYOND_THE_SDK] == []


def test_every_parameter_is_stripes() -> None:
    allowed = STRIPE_JS | PAGES
    found = {(route.method, route.path): set(coverage.foreign(route)) - allowed for route in registry.ROUTES.routes}
    assert {where: names for where, names in found.items() if names} == {}


def test_every_closed_list_is_closed() -> None:
    elsewhere = {"api_version"}  # held against the known versions
    found = {(route.method, route.path): set(coverage.loose(route)) - elsewhere for route in registry.ROUTES.routes}
    assert {where: names for where, names in found.items() if names} == {}
