"""Prices. An amount is fixed once created; the rest can change."""

from collections.abc import Mapping
from decimal import Decimal

from billing.sandbox import ids, metadata
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import (
    PAGE,
    SEARCH,
    Array,
    Boolean,
    Fields,
    Integer,
    Keyed,
    Metadata,
    Number,
    Range,
    Spec,
    Text,
    exclusive,
    missing,
)
from billing.sandbox.wire.routes import Params, route
from billing.sandbox.wire.search import search

_TAX_BEHAVIOR = Text(choices=("exclusive", "inclusive", "unspecified"))
_INTERVALS = ("day", "month", "week", "year")
_USAGE_TYPE = Text(choices=("licensed", "metered"))
_TIER = Fields(
    fields={
        "flat_amount": Integer(),
        "flat_amount_decimal": Number(),
        "unit_amount": Integer(),
        "unit_amount_decimal": Number(),
        "up_to": Integer(required=True, minimum=1, words=("inf",)),
    }
)
RECURRING = Fields(
    fields={
        "interval": Text(required=True, choices=_INTERVALS),
        "interval_count": Integer(minimum=1, maximum=1200),
        "meter": Text(),
        "trial_period_days": Integer(minimum=1, maximum=730),
        "usage_type": _USAGE_TYPE,
    }
)
_CURRENCY_OPTIONS = Keyed(
    of=Fields(
        fields={
            "tax_behavior": _TAX_BEHAVIOR,
            "tiers": Array(of=_TIER),
            "unit_amount": Integer(minimum=0),
            "unit_amount_decimal": Number(),
        }
    )
)
UPDATE: Mapping[str, Spec] = {
    "active": Boolean(),
    "currency_options": _CURRENCY_OPTIONS,
    "lookup_key": Text(clearable=True, max_length=200),
    "metadata": Metadata(),
    "nickname": Text(clearable=True),
    "tax_behavior": _TAX_BEHAVIOR,
    "transfer_lookup_key": Boolean(),
}
CREATE: Mapping[str, Spec] = {
    **UPDATE,
    "billing_scheme": Text(choices=("per_unit", "tiered")),
    "currency": Text(required=True, max_length=3),
    "product": Text(),
    "product_data": Fields(
        fields={
            "name": Text(required=True),
            "id": Text(),
            "active": Boolean(),
            "metadata": Metadata(),
            "statement_descriptor": Text(),
            "tax_code": Text(),
            "unit_label": Text(),
        }
    ),
    "recurring": RECURRING,
    "tiers": Array(of=_TIER),
    "tiers_mode": Text(choices=("graduated", "volume")),
    "transform_quantity": Fields(
        fields={
            "divide_by": Integer(required=True, minimum=1),
            "round": Text(required=True, choices=("down", "up")),
        }
    ),
    "unit_amount": Integer(minimum=0),
    "unit_amount_decimal": Number(),
}


def create(unit: Unit, params: Params) -> Json:
    currency = _currency(params["currency"], "currency")
    tiered = params.get("billing_scheme") == "tiered"
    if tiered:
        _check_tiers(params)
    if not tiered and "unit_amount" not in params and "unit_amount_decimal" not in params:
        raise missing("unit_amount")
    amount, exact = _amount(params)
    lookup_key = params.get("lookup_key")
    _claim_lookup_key(unit, lookup_key, transfer=params.get("transfer_lookup_key", False), holder=None)
    recurring = params.get("recurring")
    if recurring:
        _check_meter(unit, recurring)
    price: Json = {
        "id": ids.new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": params.get("billing_scheme", "per_unit"),
        "created": unit.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": metadata.merged({}, params.get("metadata", {})),
        "nickname": params.get("nickname"),
        "product": _product(unit, params),
        "recurring": recurring
        and {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": recurring.get("meter"),
            "trial_period_days": recurring.get("trial_period_days"),
            "usage_type": recurring.get("usage_type", "licensed"),
        },
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": params.get("transform_quantity"),
        "type": "recurring" if recurring else "one_time",
        "unit_amount": None if tiered else amount,
        "unit_amount_decimal": None if tiered else exact,
        "_currency_options": {},
        "_tiers": [_tier(tier) for tier in params["tiers"]] if tiered else None,
    }
    _add_options(price, params)
    return unit.present(unit.add(price, "price.created"))


def inline(unit: Unit, data: Params) -> Json:
    """The price a `price_data` describes: made on the spot and inactive, as Stripe does."""
    created = create(unit, {**data, "active": False})
    return unit.get("price", created["id"])


def update(unit: Unit, params: Params, *, id: str) -> Json:
    price = unit.get("price", id)
    if "lookup_key" in params:
        transfer = params.get("transfer_lookup_key", False)
        _claim_lookup_key(unit, params["lookup_key"], transfer=transfer, holder=id)
    metadata.apply(price, params, "active", "lookup_key", "nickname", "tax_behavior")
    _add_options(price, params)
    unit.save(price, "price.updated")
    return unit.present(price)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("price", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, object] = {}
    if "active" in params:
        where["status"] = "active" if params["active"] else "inactive"
    if "product" in params:
        where["parent"] = params["product"]
    if "lookup_keys" in params:
        where["key"] = tuple(params["lookup_keys"])
    for name in ("type", "currency"):
        if name in params:
            where[f"$.{name}"] = params[name]
    for name, value in params.get("recurring", {}).items():
        where[f"$.recurring.{name}"] = value
    return listing(unit, "price", "/v1/prices", params, where)


def find(unit: Unit, params: Params) -> Json:
    return search(unit, "price", "/v1/prices/search", params)


def in_currency(price: Json, currency: str) -> Json:
    """The price as it is charged in `currency`, its own or one of its options."""
    if currency == price["currency"]:
        return price
    option = price["_currency_options"].get(currency)
    if option is None:
        offered = ", ".join([price["currency"], *price["_currency_options"]])
        raise invalid(
            f"The price specified only supports `{offered}`. This doesn't match the expected currency: `{currency}`.",
            param="currency",
        )
    return {
        **price,
        "currency": currency,
        "tax_behavior": option["tax_behavior"],
        "unit_amount": option["unit_amount"],
        "unit_amount_decimal": option["unit_amount_decimal"],
        "_tiers": option["tiers"],
    }


def offers(price: Json, currency: str | None) -> bool:
    """Whether the price can be charged in `currency`."""
    return currency == price["currency"] or currency in price["_currency_options"]


def _product(unit: Unit, params: Params) -> str:
    from billing.sandbox.resources import products

    if "product" in params and "product_data" in params:
        raise exclusive("product", "product_data")
    if "product_data" in params:
        made: str = products.create(unit, params["product_data"])["id"]
        return made
    if "product" not in params:
        raise missing("product")
    found: str = unit.get("product", params["product"], "product")["id"]
    return found


def _claim_lookup_key(unit: Unit, key: str | None, *, transfer: bool, holder: str | None) -> None:
    if key is None:
        return
    for other in unit.query("price", where={"key": key}):
        if other["id"] == holder:
            continue
        if not transfer:
            raise invalid(
                f"A price (`{other['id']}`) already uses that lookup key.",
                code="resource_already_exists",
                param="lookup_key",
            )
        other["lookup_key"] = None
        unit.save(other, "price.updated")


def _amount(params: Params) -> tuple[int | None, str | None]:
    if "unit_amount_decimal" in params:
        exact: Decimal = params["unit_amount_decimal"]
        whole = int(exact) if exact == exact.to_integral_value() else None
        return whole, format(exact.normalize(), "f")
    amount = params.get("unit_amount")
    return amount, None if amount is None else str(amount)


def _tier(tier: Params) -> Json:
    def pair(name: str) -> Json:
        exact = tier.get(f"{name}_decimal", tier.get(name))
        whole = None if exact is None or int(exact) != exact else int(exact)
        return {name: whole, f"{name}_decimal": None if exact is None else str(exact)}

    return {**pair("flat_amount"), **pair("unit_amount"), "up_to": None if tier["up_to"] == "inf" else tier["up_to"]}


def _tiers(_unit: Unit, price: Json) -> list[Json] | None:
    tiers: list[Json] | None = price["_tiers"]
    return tiers


def _currency(code: str, param: str) -> str:
    if len(code) != 3 or not code.isalpha():
        raise invalid(f"Invalid currency: {code}", param=param)
    return code.lower()


def _check_tiers(params: Params) -> None:
    if not params.get("tiers"):
        raise missing("tiers")
    if "tiers_mode" not in params:
        raise missing("tiers_mode")
    tops = [tier["up_to"] for tier in params["tiers"]]
    if tops[-1] != "inf":
        raise invalid("The last tier must have `up_to` set to `inf`.", param="tiers")
    if any(not set(tier) - {"up_to"} for tier in params["tiers"]):
        raise invalid("Each tier must have a `unit_amount` or a `flat_amount`.", param="tiers")
    if "inf" in tops[:-1] or sorted(set(tops[:-1])) != tops[:-1]:
        raise invalid("Tiers must be in ascending order of `up_to`.", param="tiers")


def _check_meter(unit: Unit, recurring: Params) -> None:
    metered = recurring.get("usage_type") == "metered"
    if metered and "meter" not in recurring:
        raise invalid("Metered prices must be backed by a meter.", code="parameter_missing", param="recurring[meter]")
    if "meter" in recurring:
        if not metered:
            raise invalid("Only prices with usage_type=metered can have a meter.", param="recurring[meter]")
        unit.get("billing.meter", recurring["meter"], "recurring[meter]")


def _add_options(price: Json, params: Params) -> None:
    for code, given in params.get("currency_options", {}).items():
        currency = _currency(code, f"currency_options[{code}]")
        if currency == price["currency"]:
            raise invalid("The price's own currency cannot be an option.", param=f"currency_options[{code}]")
        tiers = [_tier(tier) for tier in given["tiers"]] if "tiers" in given else None
        amount, exact = _amount(given)
        if (tiers is None) is (price["_tiers"] is not None) or (tiers is None and exact is None):
            raise missing(f"currency_options[{code}][{'tiers' if price['_tiers'] else 'unit_amount'}]")
        price["_currency_options"][currency] = {
            "custom_unit_amount": None,
            "tax_behavior": given.get("tax_behavior", "unspecified"),
            "tiers": tiers,
            "unit_amount": amount,
            "unit_amount_decimal": exact,
        }


def _currency_options(_unit: Unit, price: Json) -> Json:
    own = {name: price[name] for name in ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")}
    return {price["currency"]: {**own, "tiers": price["_tiers"]}, **price["_currency_options"]}


INCLUDED = {("price", "tiers"): _tiers, ("price", "currency_options"): _currency_options}
ROUTES = [
    route("POST", "/v1/prices", create, CREATE),
    route(
        "GET",
        "/v1/prices",
        list_all,
        {
            **PAGE,
            "active": Boolean(),
            "created": Range(),
            "currency": Text(),
            "lookup_keys": Array(of=Text(), maximum=10),
            "product": Text(),
            "recurring": Fields(
                fields={"interval": Text(choices=_INTERVALS), "meter": Text(), "usage_type": _USAGE_TYPE}
            ),
            "type": Text(choices=("one_time", "recurring")),
        },
    ),
    route("GET", "/v1/prices/search", find, SEARCH),
    route("GET", "/v1/prices/{id}", retrieve),
    route("POST", "/v1/prices/{id}", update, UPDATE),
]
