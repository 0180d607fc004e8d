"""Checkout sessions. What their page does when somebody pays is in `billing.sandbox.checkout`."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox import checkout, ids, items, metadata, order_totals, shapes
from billing.sandbox.checkout import Result, authenticate, pay, settled
from billing.sandbox.invoicing import HOUR
from billing.sandbox.resources import coupons, price_data
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import envelope, listing, slice_of
from billing.sandbox.wire.params import (
    PAGE,
    Array,
    Boolean,
    Fields,
    Integer,
    Metadata,
    Range,
    Spec,
    Text,
    Url,
    exclusive,
    missing,
)
from billing.sandbox.wire.routes import Params, route

__all__ = ["AGENDA", "INCLUDED", "ROUTES", "Result", "authenticate", "pay", "settled"]

_WITHOUT_METHOD = Text(required=True, choices=("cancel", "create_invoice", "pause"))
_LINE_ITEM = Fields(
    fields={
        "adjustable_quantity": Fields(
            fields={"enabled": Boolean(required=True), "maximum": Integer(), "minimum": Integer()}
        ),
        "metadata": Metadata(),
        "price": Text(),
        "price_data": price_data.OF_CHECKOUT_LINE,
        "quantity": Integer(minimum=0),
        "tax_rates": Array(of=Text()),
    }
)
_SUBSCRIPTION_DATA = Fields(
    fields={
        "billing_cycle_anchor": Integer(),
        "default_tax_rates": Array(of=Text()),
        "description": Text(max_length=500),
        "metadata": Metadata(),
        "proration_behavior": Text(choices=("create_prorations", "none")),
        "trial_end": Integer(),
        "trial_period_days": Integer(minimum=1, maximum=730),
        "trial_settings": Fields(
            fields={"end_behavior": Fields(required=True, fields={"missing_payment_method": _WITHOUT_METHOD})}
        ),
    }
)
_CREATE: Mapping[str, Spec] = {
    "after_expiration": Fields(
        fields={"recovery": Fields(fields={"enabled": Boolean(required=True), "allow_promotion_codes": Boolean()})}
    ),
    "allow_promotion_codes": Boolean(),
    "allowed_payment_method_types": Array(of=Text()),
    "automatic_tax": Fields(fields={"enabled": Boolean(required=True)}),
    "billing_address_collection": Text(choices=("auto", "required")),
    "cancel_url": Url(),
    "client_reference_id": Text(max_length=200),
    "currency": Text(max_length=3),
    "custom_text": Fields(
        fields={
            place: Fields(clearable=True, fields={"message": Text(required=True, max_length=1200)})
            for place in ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        }
    ),
    "customer": Text(),
    "customer_creation": Text(choices=("always", "if_required")),
    "customer_email": Text(),
    "customer_update": Fields(
        fields={name: Text(choices=("auto", "never")) for name in ("address", "name", "shipping")}
    ),
    "discounts": Array(of=Fields(fields={"coupon": Text(), "promotion_code": Text()}), maximum=1),
    "expires_at": Integer(),
    "invoice_creation": Fields(
        fields={
            "enabled": Boolean(required=True),
            "invoice_data": Fields(fields={"description": Text(), "footer": Text(), "metadata": Metadata()}),
        }
    ),
    "line_items": Array(of=_LINE_ITEM),
    "locale": Text(),
    "metadata": Metadata(),
    "mode": Text(required=True, choices=("payment", "setup", "subscription")),
    "payment_intent_data": Fields(
        fields={
            "description": Text(),
            "metadata": Metadata(),
            "receipt_email": Text(),
            "setup_future_usage": Text(choices=("off_session", "on_session")),
        }
    ),
    "payment_method_collection": Text(choices=("always", "if_required")),
    "phone_number_collection": Fields(fields={"enabled": Boolean(required=True)}),
    "saved_payment_method_options": Fields(
        fields={
            "payment_method_save": Text(choices=("disabled", "enabled")),
            "payment_method_remove": Text(choices=("disabled", "enabled")),
            "allow_redisplay_filters": Array(of=Text()),
        }
    ),
    "setup_intent_data": Fields(fields={"description": Text(), "metadata": Metadata()}),
    "submit_type": Text(choices=("auto", "book", "donate", "pay", "subscribe")),
    "subscription_data": _SUBSCRIPTION_DATA,
    "success_url": Url(required=True),
    "tax_id_collection": Fields(
        fields={"enabled": Boolean(required=True), "required": Text(choices=("if_supported", "never"))}
    ),
    "ui_mode": Text(choices=("hosted_page",)),
}
_PLAIN = (
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "locale",
    "phone_number_collection",
    "submit_type",
    "success_url",
)


def create(unit: Unit, params: Params) -> Json:
    mode = params["mode"]
    _check(unit, params)
    session_id = ids.new_id("cs_test", 58)
    expires_at = params.get("expires_at", unit.now + 24 * HOUR)
    if not unit.now + 30 * 60 <= expires_at <= unit.now + 24 * HOUR:
        raise invalid(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    lines = [_line(unit, given, index, mode) for index, given in enumerate(params.get("line_items", ()))]
    currency = params.get("currency", "").lower() or unit.get("price", lines[0]["price"])["currency"]
    recovery = params.get("after_expiration", {}).get("recovery")
    session = shapes.blank(
        "checkout.session",
        id=session_id,
        adaptive_pricing={"enabled": False},
        after_expiration=recovery
        and {
            "recovery": {
                "allow_promotion_codes": recovery.get("allow_promotion_codes", False),
                "enabled": recovery["enabled"],
                "expires_at": None,
                "url": None,
            }
        },
        automatic_tax={
            "enabled": params.get("automatic_tax", {}).get("enabled", False),
            "liability": None,
            "provider": None,
            "status": None,
        },
        created=unit.now,
        currency=currency,
        custom_fields=[],
        custom_text={
            place: params.get("custom_text", {}).get(place)
            for place in ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        },
        customer_creation=None if mode == "subscription" else params.get("customer_creation", "if_required"),
        discounts=[
            {"coupon": given.get("coupon"), "promotion_code": given.get("promotion_code")}
            for given in params.get("discounts", ())
        ],
        expires_at=expires_at,
        invoice_creation=_invoice_creation(params) if mode == "payment" else None,
        livemode=False,
        metadata=metadata.merged({}, params.get("metadata", {})),
        mode=mode,
        payment_method_collection=params.get("payment_method_collection", "always") if mode == "subscription" else None,
        payment_method_options={},
        payment_method_types=["card", "us_bank_account"],
        payment_status="no_payment_required" if mode == "setup" else "unpaid",
        saved_payment_method_options=_saved_options(params),
        shipping_options=[],
        status="open",
        ui_mode="hosted_page",
        url=f"{unit.public_url}/checkout/{session_id}",
        _awaiting=None,
        _intent=None,
        _lines=lines,
        _payment_intent_data=params.get("payment_intent_data", {}),
        _settles=None,
        _setup_intent_data=params.get("setup_intent_data", {}),
        _subscription_data=params.get("subscription_data", {}),
    )
    for name in _PLAIN:
        if name in params:
            session[name] = params[name]
    if "tax_id_collection" in params:
        session["tax_id_collection"] = {"required": "never", **params["tax_id_collection"]}
    if params.get("customer"):
        session["customer_details"] = checkout.details_of(unit.get("customer", params["customer"]))
    elif params.get("customer_email"):
        session["customer_details"] = {**checkout.NO_DETAILS, "email": params["customer_email"]}
    if mode != "setup":
        order_totals.total(unit, session)
    unit.add(session)
    unit.schedule(session_id, "expire_checkout", expires_at)
    return unit.present(session)


def update(unit: Unit, params: Params, *, id: str) -> Json:
    session = unit.get("checkout.session", id)
    metadata.apply(session, params)
    return unit.present(unit.save(session))


def expire(unit: Unit, _params: Params, *, id: str) -> Json:
    session = unit.get("checkout.session", id)
    if session["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"`{session['status']}`.",
            param="id",
        )
    _expire(unit, session)
    return unit.present(session)


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("checkout.session", id))


def list_all(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    columns = {"customer": "customer", "status": "status", "subscription": "parent"}
    for name, column in columns.items():
        if name in params:
            where[column] = params[name]
    if "payment_intent" in params:
        where["key"] = where["$.payment_intent"] = params["payment_intent"]
    if "email" in params.get("customer_details", {}):
        where["$.customer_details.email"] = params["customer_details"]["email"]
    return listing(unit, "checkout.session", "/v1/checkout/sessions", params, where)


def list_lines(unit: Unit, params: Params, *, id: str) -> Json:
    session = unit.get("checkout.session", id)
    return slice_of(f"/v1/checkout/sessions/{id}/line_items", order_totals.line_items(unit, session), params)


def _check(unit: Unit, params: Params) -> None:
    mode = params["mode"]
    if "customer" in params and "customer_email" in params:
        raise exclusive("customer", "customer_email")
    if params.get("allow_promotion_codes") and params.get("discounts"):
        raise exclusive("allow_promotion_codes", "discounts")
    if "customer" in params:
        unit.get("customer", params["customer"], "customer")
    elif "customer_update" in params:
        raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")
    if mode == "setup":
        if params.get("line_items"):
            raise invalid("You can not pass `line_items` in `setup` mode.", param="line_items")
        if "currency" not in params:
            raise missing("currency")
    elif not params.get("line_items"):
        raise missing("line_items")
    for name, only in (
        ("subscription_data", "subscription"),
        ("invoice_creation", "payment"),
        ("payment_intent_data", "payment"),
        ("setup_intent_data", "setup"),
        ("payment_method_collection", "subscription"),
    ):
        if name in params and mode != only:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if "customer_creation" in params and mode == "subscription":
        raise invalid("`customer_creation` can only be used in `payment` and `setup` mode.", param="customer_creation")
    for given in params.get("discounts", ()):
        coupons.choose(unit, given, params.get("customer"))
    trial = params.get("subscription_data", {})
    if "trial_end" in trial and "trial_period_days" in trial:
        raise exclusive("subscription_data[trial_end]", "subscription_data[trial_period_days]")
    if "trial_end" in trial and trial["trial_end"] < unit.now + 48 * HOUR:
        raise invalid(
            "The `trial_end` date has to be at least 2 days in the future.", param="subscription_data[trial_end]"
        )


def _line(unit: Unit, given: Params, index: int, mode: str) -> Json:
    item = items.read_item(unit, given, index, where="line_items")
    if mode == "payment" and item.price["type"] == "recurring":
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
            "only one-time prices.",
            param="line_items",
        )
    adjustable = given.get("adjustable_quantity")
    return {
        "id": ids.new_id("li"),
        "adjustable_quantity": adjustable
        and {
            "enabled": adjustable["enabled"],
            "maximum": adjustable.get("maximum", 99),
            "minimum": adjustable.get("minimum", 0),
        },
        "metadata": dict(item.metadata),
        "price": item.price["id"],
        "quantity": item.quantity,
        "tax_rates": list(item.tax_rates),
    }


def _invoice_creation(params: Params) -> Json:
    given = params.get("invoice_creation", {"enabled": False})
    data = given.get("invoice_data", {})
    return {
        "enabled": given["enabled"],
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": data.get("description"),
            "footer": data.get("footer"),
            "issuer": None,
            "metadata": data.get("metadata"),
            "rendering_options": None,
        },
    }


def _saved_options(params: Params) -> Json | None:
    given = params.get("saved_payment_method_options")
    if given is None and not params.get("customer"):
        return None
    return {
        "allow_redisplay_filters": ["always"],
        "payment_method_remove": "disabled",
        "payment_method_save": None,
        **(given or {}),
    }


def _expire(unit: Unit, session: Json) -> None:
    if session["status"] != "open":
        return
    session.update({"status": "expired", "url": None})
    recovery = (session["after_expiration"] or {}).get("recovery")
    if recovery and recovery["enabled"]:
        recovery["expires_at"] = unit.now + 30 * 24 * HOUR
        recovery["url"] = f"{unit.public_url}/checkout/{session['id']}/recover"
    unit.unschedule(session["id"])
    unit.save(session)
    unit.emit("checkout.session.expired", session)


def _line_items(unit: Unit, session: Json) -> Json:
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    items = order_totals.line_items(unit, session)
    return envelope(url, items[:10], has_more=len(items) > 10)


INCLUDED = {("checkout.session", "line_items"): _line_items}
AGENDA = {"expire_checkout": _expire}
ROUTES = [
    route("POST", "/v1/checkout/sessions", create, _CREATE),
    route(
        "GET",
        "/v1/checkout/sessions",
        list_all,
        {
            **PAGE,
            "created": Range(),
            "customer": Text(),
            "customer_details": Fields(fields={"email": Text()}),
            "payment_intent": Text(),
            "status": Text(choices=("complete", "expired", "open")),
            "subscription": Text(),
        },
    ),
    route("GET", "/v1/checkout/sessions/{id}", retrieve),
    route("POST", "/v1/checkout/sessions/{id}", update, {"metadata": Metadata()}),
    route("POST", "/v1/checkout/sessions/{id}/expire", expire),
    route("GET", "/v1/checkout/sessions/{id}/line_items", list_lines, PAGE),
]
