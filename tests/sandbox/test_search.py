"""Search: Stripe's query language over each kind that has it, page by page."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from billing.sandbox import Sandbox, StripeApiError
from billing.sandbox.wire.search import Clause, parse


@pytest.fixture
def people(client: stripe.StripeClient) -> None:
    """Ada (pro), Bob (no plan) and Eve (starter), all with metadata of their own."""
    client.v1.customers.create({"email": "ada@example.com", "name": "Ada", "metadata": {"plan": "pro"}})
    client.v1.customers.create({"email": "bob@example.org", "name": 'Bob "AND" Co'})
    client.v1.customers.create({"email": "eve@example.com", "name": "Eve", "metadata": {"plan": "starter"}})


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("query", "emails"),
    [
        ('email:"ada@example.com"', ["ada"]),
        ("email:'ADA@example.com'", ["ada"]),
        ('email~"example.com"', ["eve", "ada"]),
        ('email~"example.com" AND metadata["plan"]:"pro"', ["ada"]),
        ('email~"example.com" -metadata["plan"]:"pro"', ["eve"]),
        ('metadata["plan"]:"pro" OR name:"Eve"', ["eve", "ada"]),
        ('metadata["plan"]:null', ["bob"]),
        ('-metadata["plan"]:null', ["eve", "ada"]),
        (r'name:"Bob \"AND\" Co"', ["bob"]),
        ("created>1700000000", ["eve", "bob", "ada"]),
        ("created<1700000000", []),
        ('-name:"Ada" AND created>=1700000000', ["eve", "bob"]),
    ],
)
def test_a_query_finds_customers(client: stripe.StripeClient, query: str, emails: list[str]) -> None:
    found = client.v1.customers.search({"query": query})
    assert [str(item.email).partition("@")[0] for item in found.data] == emails


@pytest.mark.parametrize(
    "query",
    [
        "nonsense",
        'email:"a',
        'email:"a" AND',
        'email:"a"name:"b"',
        'email:"a" AND name:"b" OR name:"c"',
        'shoes:"42"',
        'name["first"]:"Ada"',
        'email~"ab"',
        'created~"170"',
        'email>"a"',
        'created:"soon"',
        " ".join(['name:"Ada"'] * 11),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(sandbox: Sandbox, query: str) -> None:
    with pytest.raises(StripeApiError) as refusal:
        sandbox.call("GET", "/v1/customers/search", {"query": query})
    assert (refusal.value.status, refusal.value.error["param"]) == (400, "query")


def test_pages_follow_their_tokens(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    made = [client.v1.customers.create({"name": "Ada"}).id for _ in range(5)]
    first = client.v1.customers.search({"query": 'name:"Ada"', "limit": 2})
    assert ([item.id for item in first.data], first.has_more) == ([made[4], made[3]], True)
    client.v1.customers.create({"name": "Ada"})
    assert first.next_page is not None
    second = client.v1.customers.search({"query": 'name:"Ada"', "limit": 2, "page": first.next_page})
    assert [item.id for item in second.data] == [made[2], made[1]]
    walked = [item.id for item in first.auto_paging_iter()]
    assert walked == made[::-1]
    with pytest.raises(StripeApiError) as refusal:
        sandbox.call("GET", "/v1/customers/search", {"query": 'name:"Ada"', "page": "2"})
    assert refusal.value.error["param"] == "page"


def test_every_kind_is_searched_by_its_own_fields(
    client: stripe.StripeClient, sandbox: Sandbox, subscribe: Callable[..., stripe.Subscription], starter: str
) -> None:
    subscription = subscribe(starter, metadata={"team": "7"})
    product = str(client.v1.prices.retrieve(starter).product)
    queries: dict[str, list[str]] = {
        "charges": ["amount:1200", 'payment_method_details.card.last4:"4242"', 'refunded:"false"'],
        "invoices": [f'subscription:"{subscription.id}"', 'total>1000 AND status:"paid"'],
        "payment_intents": ['status:"succeeded" AND amount<=1200'],
        "prices": [f'product:"{product}" AND active:"true"', 'type:"recurring"'],
        "products": ['name~"start"', "active:'true'"],
        "subscriptions": ['status:"active" AND metadata["team"]:"7"'],
    }
    for kind, asked in queries.items():
        for query in asked:
            found: dict[str, Any] = sandbox.call("GET", f"/v1/{kind}/search", {"query": query})
            assert len(found["data"]) == 1, (kind, query)


def test_space_joins_like_and() -> None:
    assert parse('a:"1" -b:2') == (
        [Clause(False, "a", None, ":", "1"), Clause(True, "b", None, ":", "2")],
        False,
    )
