"""Tax rates, inclusive and exclusive."""

from collections.abc import Mapping

from billing.sandbox import ids, metadata, shapes
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Boolean, Metadata, Number, Range, Spec, Text
from billing.sandbox.wire.routes import Params, route

_UPDATE: Mapping[str, Spec] = {
    "active": Boolean(),
    "country": Text(max_length=2),
    "description": Text(),
    "display_name": Text(max_length=50),
    "jurisdiction": Text(max_length=50),
    "metadata": Metadata(),
    "state": Text(),
    "tax_type": Text(choices=("gst", "hst", "igst", "jct", "pst", "qst", "rst", "sales_tax", "vat")),
}
_PLAIN = ("active", "country", "description", "display_name", "jurisdiction", "state", "tax_type")


def create(unit: Unit, params: Params) -> Json:
    if not 0 <= params["percentage"] <= 100:
        raise invalid("Invalid percentage: must be between 0 and 100.", param="percentage")
    rate = shapes.blank(
        "tax_rate",
        id=ids.new_id("txr"),
        active=True,
        created=unit.now,
        display_name=params["display_name"],
        effective_percentage=float(params["percentage"]),
        inclusive=params["inclusive"],
        livemode=False,
        metadata={},
        percentage=float(params["percentage"]),
        rate_type="percentage",
    )
    metadata.apply(rate, params, *_PLAIN)
    return unit.present(unit.add(rate, "tax_rate.created"))


def update(unit: Unit, params: Params, *, id: str) -> Json:
    rate = unit.get("tax_rate", id)
    metadata.apply(rate, params, *_PLAIN)
    return unit.present(unit.save(rate, "tax_rate.updated"))


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("tax_rate", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, object] = {}
    if "active" in params:
        where["status"] = "active" if params["active"] else "inactive"
    if "inclusive" in params:
        where["$.inclusive"] = params["inclusive"]
    return listing(unit, "tax_rate", "/v1/tax_rates", params, where)


ROUTES = [
    route(
        "POST",
        "/v1/tax_rates",
        create,
        {
            **_UPDATE,
            "display_name": Text(required=True, max_length=50),
            "inclusive": Boolean(required=True),
            "percentage": Number(required=True),
        },
    ),
    route("GET", "/v1/tax_rates", list_all, {**PAGE, "active": Boolean(), "created": Range(), "inclusive": Boolean()}),
    route("GET", "/v1/tax_rates/{id}", retrieve),
    route("POST", "/v1/tax_rates/{id}", update, _UPDATE),
]
