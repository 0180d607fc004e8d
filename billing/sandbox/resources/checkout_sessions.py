"""Checkout sessions. What their page does when somebody pays is in `billing.sandbox.checkout`."""

from copy import deepcopy
from typing import Any

from billing.sandbox import automatic_tax, checkout_customer, ids, intents, items, metadata, order_totals, shapes
from billing.sandbox.checkout import Result, authenticate, pay, settled
from billing.sandbox.invoicing import HOUR
from billing.sandbox.resources import checkout_questions, checkout_session_params
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid, no_such
from billing.sandbox.wire.pages import envelope, listing, slice_of
from billing.sandbox.wire.params import PAGE, Fields, Metadata, Range, Text
from billing.sandbox.wire.routes import Params, route

__all__ = ["AGENDA", "INCLUDED", "ROUTES", "Result", "authenticate", "pay", "settled"]

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
    checkout_session_params.check(unit, params)
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
        automatic_tax=_automatic_tax(enabled=params.get("automatic_tax", {}).get("enabled", False)),
        created=unit.now,
        currency=currency,
        consent_collection=checkout_questions.consents(params.get("consent_collection")),
        custom_fields=checkout_questions.custom_fields(params.get("custom_fields", ())),
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
        payment_method_types=intents.method_types(currency, params),
        payment_status="no_payment_required" if mode == "setup" else "unpaid",
        saved_payment_method_options=_saved_options(params),
        shipping_options=[],
        status="open",
        ui_mode="hosted_page",
        url=f"{unit.public_url}/checkout/{session_id}",
        _address=None,
        _awaiting=None,
        _customer_update=params.get("customer_update", {}),
        _intent=None,
        _lines=lines,
        _location=None,
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
        session["customer_details"] = checkout_customer.details_of(unit, unit.get("customer", params["customer"]))
    elif params.get("customer_email"):
        session["customer_details"] = {**checkout_customer.NO_DETAILS, "email": params["customer_email"]}
    return unit.present(_begin(unit, session))


def recover(unit: Unit, session_id: str) -> Json:
    """A new session like an expired one whose recovery link was opened.

    Raises resource_missing where no such link was promised, checkout_session_recovery_expired 30 days later. Source:
    https://docs.stripe.com/payments/checkout/abandoned-carts
    """
    expired = unit.get("checkout.session", session_id)
    recovery = (expired["after_expiration"] or {}).get("recovery") or {}
    if recovery.get("url") is None:
        raise no_such("checkout session", session_id)
    if recovery["expires_at"] <= unit.now:
        raise invalid("This recovery link has expired.", code="checkout_session_recovery_expired", param="id")
    copy = deepcopy(expired)
    copy["id"] = ids.new_id("cs_test", 58)
    if expired["allow_promotion_codes"]:
        # What was typed is typed again, if it still may be.
        copy["discounts"] = []
    if copy["_subscription_data"].get("trial_end", unit.now + 1) <= unit.now:
        del copy["_subscription_data"]["trial_end"]
    copy.update(
        {
            "after_expiration": None,
            "allow_promotion_codes": recovery["allow_promotion_codes"],
            "created": unit.now,
            "expires_at": unit.now + 24 * HOUR,
            "recovered_from": expired["id"],
            "status": "open",
            "url": f"{unit.public_url}/checkout/{copy['id']}",
            "_awaiting": None,
            "_intent": None,
        }
    )
    return _begin(unit, copy)


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


def _begin(unit: Unit, session: Json) -> Json:
    """Store a new open session with its totals, and put its end on the agenda."""
    if session["mode"] != "setup":
        order_totals.total(unit, session)
    unit.add(session)
    unit.schedule(session["id"], "expire_checkout", session["expires_at"])
    return session


def _automatic_tax(*, enabled: bool) -> Json:
    shared = automatic_tax.of_invoice(enabled=enabled)
    return {name: shared[name] for name in ("enabled", "liability", "provider", "status")}


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
    found = order_totals.line_items(unit, session)
    return envelope(url, found[:10], has_more=len(found) > 10)


INCLUDED = {("checkout.session", "line_items"): _line_items}
AGENDA = {"expire_checkout": _expire}
ROUTES = [
    route("POST", "/v1/checkout/sessions", create, checkout_session_params.CREATE),
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
