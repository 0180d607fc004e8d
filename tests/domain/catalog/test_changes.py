"""What it takes to bring Stripe in line with the file: the table of differences."""

import copy
from typing import Any

import pytest

from billing.domain.catalog.changes import Held, plan_changes, price_metadata, product_metadata
from billing.domain.catalog.definition import CatalogDefinition

WANTED = CatalogDefinition.model_validate(
    {
        "currency": "usd",
        "features": {"reports": "Reports", "exports": "Exports"},
        "plans": [
            {"key": "free", "name": "Free", "description": "F", "default": True, "limits": {"seats": 1}},
            {
                "key": "pro",
                "name": "Pro",
                "description": "P",
                "highlight": True,
                "features": ["reports", "exports"],
                "prices": [{"lookup_key": "pro_monthly", "amount": "12.00", "interval": "month", "trial_days": 7}],
            },
        ],
    }
)
FREE, PRO = WANTED.plans
NOTHING = Held(features={}, products={}, prices={}, grants={})


def product(stripe_id: str, rank: int) -> dict[str, Any]:
    plan = WANTED.plans[rank]
    metadata = product_metadata(plan, rank)
    return {
        "id": stripe_id,
        "name": plan.name,
        "description": plan.description,
        "active": True,
        "metadata": metadata,
    }


def in_line() -> Held:
    """What Stripe holds once all is as wanted."""
    return Held(
        features={
            "reports": {"id": "feat_r", "name": "Reports"},
            "exports": {"id": "feat_e", "name": "Exports"},
        },
        products={"free": product("prod_f", 0), "pro": product("prod_p", 1)},
        prices={
            "pro_monthly": {
                "id": "price_m",
                "product": "prod_p",
                "currency": "usd",
                "unit_amount": 1200,
                "recurring": {"interval": "month", "interval_count": 1},
                "active": True,
                "metadata": price_metadata(PRO.prices[0]),
            }
        },
        grants={"pro": {"reports": "att_r", "exports": "att_e"}},
    )


def steps(held: Held) -> list[tuple[str, str, str, str | None]]:
    return [(change.verb, change.noun, change.key, change.target) for change in plan_changes(WANTED, held)]


def test_in_line_there_is_nothing_to_do() -> None:
    assert steps(in_line()) == []


def test_from_nothing_everything_is_made_in_an_order_that_works() -> None:
    assert steps(NOTHING) == [
        ("create", "feature", "reports", None),
        ("create", "feature", "exports", None),
        ("create", "product", "free", None),
        ("create", "product", "pro", None),
        ("create", "price", "pro_monthly", None),
        ("attach", "grant", "pro", None),
        ("attach", "grant", "pro", None),
    ]


PRICE = ("prices", "pro_monthly")
DIFFERENCES: dict[str, tuple[tuple[str, ...], Any, tuple[str, str, str, str]]] = {
    "a feature's name": (("features", "reports", "name"), "Report", ("update", "feature", "reports", "feat_r")),
    "a plan's name": (("products", "pro", "name"), "Old", ("update", "product", "pro", "prod_p")),
    "a plan's words": (("products", "pro", "description"), None, ("update", "product", "pro", "prod_p")),
    "a plan's rank": (("products", "pro", "metadata", "rank"), "0", ("update", "product", "pro", "prod_p")),
    "a plan's highlight": (("products", "pro", "metadata", "highlight"), "", ("update", "product", "pro", "prod_p")),
    "a plan's limits": (
        ("products", "free", "metadata", "limits"),
        "seats=9",
        ("update", "product", "free", "prod_f"),
    ),
    "an archived plan": (("products", "pro", "active"), False, ("update", "product", "pro", "prod_p")),
    "an amount": ((*PRICE, "unit_amount"), 900, ("replace", "price", "pro_monthly", "price_m")),
    "a currency": ((*PRICE, "currency"), "eur", ("replace", "price", "pro_monthly", "price_m")),
    "a one-off price": ((*PRICE, "recurring"), None, ("replace", "price", "pro_monthly", "price_m")),
    "an interval": ((*PRICE, "recurring", "interval"), "year", ("replace", "price", "pro_monthly", "price_m")),
    "every third month": ((*PRICE, "recurring", "interval_count"), 3, ("replace", "price", "pro_monthly", "price_m")),
    "another plan's price": ((*PRICE, "product"), "prod_f", ("replace", "price", "pro_monthly", "price_m")),
    "an archived price": ((*PRICE, "active"), False, ("update", "price", "pro_monthly", "price_m")),
    "trial days": ((*PRICE, "metadata", "trial_days"), "30", ("update", "price", "pro_monthly", "price_m")),
    "a grant too many": (("grants", "free"), {"reports": "att_x"}, ("detach", "grant", "free", "att_x")),
}


@pytest.mark.parametrize(("path", "value", "step"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_a_difference_takes_one_step(path: tuple[str, ...], value: object, step: tuple[str, str, str, str]) -> None:
    held = copy.deepcopy(in_line())
    place = getattr(held, path[0])
    for part in path[1:-1]:
        place = place[part]
    place[path[-1]] = value
    assert steps(held) == [step]


def test_what_the_file_does_not_declare_any_more_is_archived() -> None:
    held = in_line()
    gone = product("prod_old", 1) | {"metadata": {"plan": "old"}}
    held.products["old"] = gone
    held.prices["old_monthly"] = held.prices["pro_monthly"] | {"id": "price_old", "product": "prod_old"}
    held.prices["pro_weekly"] = held.prices["pro_monthly"] | {"id": "price_w"}
    assert steps(held) == [
        ("archive", "price", "old_monthly", "price_old"),
        ("archive", "price", "pro_weekly", "price_w"),
        ("archive", "product", "old", "prod_old"),
    ]


def test_what_is_archived_already_or_somebody_elses_is_left_alone() -> None:
    held = in_line()
    held.products["old"] = product("prod_old", 1) | {"metadata": {"plan": "old"}, "active": False}
    held.prices["old_monthly"] = held.prices["pro_monthly"] | {"id": "price_o", "product": "prod_old", "active": False}
    held.prices["theirs"] = held.prices["pro_monthly"] | {"id": "price_t", "product": "prod_theirs"}
    assert steps(held) == []


def test_metadata_always_has_every_key_so_that_updates_clear() -> None:
    assert product_metadata(FREE, 0).keys() == product_metadata(PRO, 1).keys()
    assert product_metadata(FREE, 0)["limits"] == "seats=1"
    assert product_metadata(PRO, 1)["limits"] == ""


def test_a_key_that_somebody_elses_price_holds_is_taken_over_and_their_price_left_alone() -> None:
    held = in_line()
    held.prices["pro_monthly"]["product"] = "prod_of_another_system"
    [change] = plan_changes(WANTED, held)
    assert (change.verb, change.noun, change.key, change.target) == ("create", "price", "pro_monthly", None)
    assert "taking the lookup key from price_m, which is not ours" in change.detail
