"""Coupons, promotion codes and the discounts they become."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing.sandbox import ids, metadata, shapes
from billing.sandbox.arithmetic.periods import boundary
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import (
    PAGE,
    Array,
    Boolean,
    Fields,
    Integer,
    Metadata,
    Moment,
    Number,
    Range,
    Spec,
    Text,
    exclusive,
    missing,
)
from billing.sandbox.wire.routes import Params, route

# The `discounts` parameter, as subscriptions, invoices and checkout sessions take it.
DISCOUNTS = Array(
    clearable=True,
    maximum=20,
    of=Fields(fields={"coupon": Text(), "discount": Text(), "promotion_code": Text()}),
)
_CREATE: Mapping[str, Spec] = {
    "amount_off": Integer(minimum=1),
    "applies_to": Fields(fields={"products": Array(of=Text())}),
    "currency": Text(max_length=3),
    "duration": Text(choices=("forever", "once", "repeating")),
    "duration_in_months": Integer(minimum=1, maximum=1200),
    "id": Text(max_length=200),
    "max_redemptions": Integer(minimum=1),
    "metadata": Metadata(),
    "name": Text(max_length=40),
    "percent_off": Number(),
    "redeem_by": Moment(),
}
_RESTRICTIONS = Fields(
    fields={
        "first_time_transaction": Boolean(),
        "minimum_amount": Integer(minimum=1),
        "minimum_amount_currency": Text(),
    }
)


def create(unit: Unit, params: Params) -> Json:
    percent, amount = params.get("percent_off"), params.get("amount_off")
    if (percent is None) == (amount is None):
        raise exclusive("percent_off", "amount_off") if percent is not None else missing("percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise invalid("Invalid percent_off: must be greater than 0 and at most 100.", param="percent_off")
    if amount is not None and "currency" not in params:
        raise missing("currency")
    duration = params.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in params):
        raise invalid(
            "You must specify duration_in_months exactly when duration is repeating.", param="duration_in_months"
        )
    if "id" in params and unit.find(params["id"]) is not None:
        raise invalid("Coupon already exists.", code="resource_already_exists", param="id")
    for product in params.get("applies_to", {}).get("products", ()):
        unit.get("product", product, "applies_to[products]")
    coupon = shapes.blank(
        "coupon",
        id=params.get("id") or ids.token(8),
        amount_off=amount,
        created=unit.now,
        currency=params["currency"].lower() if amount is not None else None,
        duration=duration,
        duration_in_months=params.get("duration_in_months"),
        livemode=False,
        max_redemptions=params.get("max_redemptions"),
        metadata=metadata.merged({}, params.get("metadata", {})),
        name=params.get("name"),
        percent_off=float(percent) if percent is not None else None,
        redeem_by=params.get("redeem_by"),
        times_redeemed=0,
        valid=True,
        _products=params.get("applies_to", {}).get("products"),
    )
    return unit.present(unit.add(coupon, "coupon.created"))


def update(unit: Unit, params: Params, *, id: str) -> Json:
    coupon = unit.get("coupon", id)
    metadata.apply(coupon, params, "name")
    return unit.present(unit.save(coupon, "coupon.updated"))


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("coupon", id))


def delete(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.remove(unit.get("coupon", id), "coupon.deleted")


def list_all(unit: Unit, params: Params) -> Json:
    return listing(unit, "coupon", "/v1/coupons", params)


def create_code(unit: Unit, params: Params) -> Json:
    promotion = params["promotion"]
    if "coupon" not in promotion:
        raise missing("promotion[coupon]")
    coupon = unit.get("coupon", promotion["coupon"], "promotion[coupon]")
    code = params.get("code") or ids.token(8).upper()
    if any(item["active"] for item in unit.query("promotion_code", where={"key": code.lower()})):
        raise invalid(
            "An active promotion code with `code: " + code + "` already exists.",
            code="resource_already_exists",
            param="code",
        )
    given = params.get("restrictions", {})
    promotion_code = shapes.blank(
        "promotion_code",
        id=ids.new_id("promo"),
        active=params.get("active", True),
        code=code,
        created=unit.now,
        customer=unit.get("customer", params["customer"], "customer")["id"] if "customer" in params else None,
        expires_at=params.get("expires_at"),
        livemode=False,
        max_redemptions=params.get("max_redemptions"),
        metadata=metadata.merged({}, params.get("metadata", {})),
        promotion={"coupon": coupon["id"], "type": "coupon"},
        restrictions={
            "first_time_transaction": given.get("first_time_transaction", False),
            "minimum_amount": given.get("minimum_amount"),
            "minimum_amount_currency": given.get("minimum_amount_currency"),
        },
        times_redeemed=0,
        _code=code.lower(),
        _coupon=coupon["id"],
    )
    return unit.present(unit.add(promotion_code, "promotion_code.created"))


def update_code(unit: Unit, params: Params, *, id: str) -> Json:
    promotion_code = unit.get("promotion_code", id)
    metadata.apply(promotion_code, params, "active")
    return unit.present(unit.save(promotion_code, "promotion_code.updated"))


def retrieve_code(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("promotion_code", id))


def list_codes(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    if "active" in params:
        where["status"] = "active" if params["active"] else "inactive"
    if "code" in params:
        where["key"] = params["code"].lower()
    if "coupon" in params:
        where["parent"] = params["coupon"]
    if "customer" in params:
        where["customer"] = params["customer"]
    return listing(unit, "promotion_code", "/v1/promotion_codes", params, where)


def redeem(
    unit: Unit,
    given: Sequence[Mapping[str, str]] | None,
    *,
    customer: str,
    subscription: str | None = None,
    invoice: str | None = None,
    checkout_session: str | None = None,
) -> list[str]:
    """Make discounts of the coupons and codes in `given`; returns their ids."""
    discounts = []
    for reference in given or ():
        if "discount" in reference:
            discounts.append(unit.get("discount", reference["discount"], "discounts")["id"])
            continue
        coupon, code = choose(unit, reference, customer)
        coupon["times_redeemed"] += 1
        unit.save(coupon)
        if code is not None:
            code["times_redeemed"] += 1
            unit.save(code)
        end = None
        if coupon["duration"] == "repeating":
            end = boundary(unit.now, "month", 1, coupon["duration_in_months"])
        discount = shapes.blank(
            "discount",
            id=ids.new_id("di"),
            checkout_session=checkout_session,
            customer=customer,
            end=end,
            invoice=invoice,
            promotion_code=code["id"] if code else None,
            source={"coupon": coupon["id"], "type": "coupon"},
            start=unit.now,
            subscription=subscription,
        )
        unit.add(discount, "customer.discount.created")
        discounts.append(discount["id"])
    return discounts


def choose(unit: Unit, reference: Mapping[str, str], customer: str | None) -> tuple[Json, Json | None]:
    """The coupon, and the promotion code if one led to it; refuses what cannot be redeemed now."""
    if len(reference) != 1:
        raise exclusive("discounts[0][coupon]", "discounts[0][promotion_code]")
    code = None
    if "promotion_code" in reference:
        code = unit.get("promotion_code", reference["promotion_code"], "discounts[0][promotion_code]")
        if not unit.present(code)["active"] or code["customer"] not in (None, customer):
            raise invalid("This promotion code cannot be redeemed.", code="promotion_code_expired", param="discounts")
        restricted = code["restrictions"]["first_time_transaction"]
        if (
            restricted
            and customer
            and unit.query("charge", limit=1, where={"customer": customer, "status": "succeeded"})
        ):
            raise invalid(
                "This promotion code cannot be redeemed because the associated customer has prior transactions.",
                param="discounts",
            )
    coupon = unit.get("coupon", code["_coupon"] if code else reference["coupon"], "discounts[0][coupon]")
    if not _is_valid(unit, coupon):
        raise invalid(f"Coupon expired: {coupon['id']}", code="coupon_expired", param="discounts")
    return coupon, code


def coupon_of(unit: Unit, discount: str) -> Json:
    """The coupon behind a discount, deleted or not: a discount outlives its coupon."""
    held = unit.find(discount)
    coupon = unit.find(held["source"]["coupon"]) if held else None
    if coupon is None:
        raise LookupError(f"discount {discount} has no coupon")
    return coupon


def _is_valid(unit: Unit, coupon: Json) -> bool:
    if coupon.get("deleted") or (coupon["redeem_by"] is not None and coupon["redeem_by"] <= unit.now):
        return False
    return coupon["max_redemptions"] is None or coupon["times_redeemed"] < coupon["max_redemptions"]


def _present(unit: Unit, coupon: Json) -> Json:
    return {**coupon, "valid": _is_valid(unit, coupon)}


def _present_code(unit: Unit, code: Json) -> Json:
    coupon = unit.find(code["_coupon"])
    used_up = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    expired = code["expires_at"] is not None and code["expires_at"] <= unit.now
    valid = coupon is not None and _is_valid(unit, coupon)
    return {**code, "active": code["active"] and valid and not used_up and not expired}


def _applies_to(_unit: Unit, coupon: Json) -> Json | None:
    return {"products": coupon["_products"]} if coupon["_products"] else None


PRESENTERS = {"coupon": _present, "promotion_code": _present_code}
INCLUDED = {("coupon", "applies_to"): _applies_to}
ROUTES = [
    route("POST", "/v1/coupons", create, _CREATE),
    route("GET", "/v1/coupons", list_all, {**PAGE, "created": Range()}),
    route("GET", "/v1/coupons/{id}", retrieve),
    route("POST", "/v1/coupons/{id}", update, {"metadata": Metadata(), "name": Text(clearable=True)}),
    route("DELETE", "/v1/coupons/{id}", delete),
    route(
        "POST",
        "/v1/promotion_codes",
        create_code,
        {
            "active": Boolean(),
            "code": Text(),
            "customer": Text(),
            "expires_at": Moment(),
            "max_redemptions": Integer(minimum=1),
            "metadata": Metadata(),
            "promotion": Fields(
                required=True, fields={"coupon": Text(), "type": Text(required=True, choices=("coupon",))}
            ),
            "restrictions": _RESTRICTIONS,
        },
    ),
    route(
        "GET",
        "/v1/promotion_codes",
        list_codes,
        {**PAGE, "active": Boolean(), "code": Text(), "coupon": Text(), "created": Range(), "customer": Text()},
    ),
    route("GET", "/v1/promotion_codes/{id}", retrieve_code),
    route("POST", "/v1/promotion_codes/{id}", update_code, {"active": Boolean(), "metadata": Metadata()}),
]
