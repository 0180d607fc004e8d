"""The customer portal: configurations and sessions. Its pages are in `billing.sandbox.pages`."""

from collections.abc import Mapping
from typing import Any

from billing.sandbox import ids, metadata
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Array, Boolean, Fields, Integer, Metadata, Spec, Text, Url, missing
from billing.sandbox.wire.routes import Params, route

_PRORATION = Text(choices=("always_invoice", "create_prorations", "none"))
_REASONS = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
_FEATURES = Fields(
    fields={
        "customer_update": Fields(
            fields={
                "allowed_updates": Array(
                    clearable=True,
                    of=Text(choices=("address", "email", "name", "phone", "shipping", "tax_id")),
                ),
                "enabled": Boolean(),
            }
        ),
        "invoice_history": Fields(fields={"enabled": Boolean(required=True)}),
        "payment_method_update": Fields(fields={"enabled": Boolean(required=True)}),
        "subscription_cancel": Fields(
            fields={
                "cancellation_reason": Fields(
                    fields={
                        "enabled": Boolean(required=True),
                        "options": Array(of=Text(choices=_REASONS), clearable=True),
                    }
                ),
                "enabled": Boolean(),
                "mode": Text(choices=("at_period_end", "immediately")),
                "proration_behavior": _PRORATION,
            }
        ),
        "subscription_update": Fields(
            fields={
                "billing_cycle_anchor": Text(choices=("now", "unchanged")),
                "default_allowed_updates": Array(
                    clearable=True, of=Text(choices=("price", "promotion_code", "quantity"))
                ),
                "enabled": Boolean(),
                "products": Array(
                    clearable=True,
                    maximum=10,
                    of=Fields(
                        fields={
                            "adjustable_quantity": Fields(
                                fields={
                                    "enabled": Boolean(required=True),
                                    "maximum": Integer(),
                                    "minimum": Integer(),
                                }
                            ),
                            "prices": Array(of=Text(), required=True),
                            "product": Text(required=True),
                        }
                    ),
                ),
                "proration_behavior": _PRORATION,
                "schedule_at_period_end": Fields(
                    fields={
                        "conditions": Array(
                            clearable=True,
                            of=Fields(
                                fields={
                                    "type": Text(
                                        required=True,
                                        choices=("decreasing_item_amount", "shortening_interval"),
                                    )
                                }
                            ),
                        )
                    }
                ),
                "trial_update_behavior": Text(choices=("continue_trial", "end_trial")),
            }
        ),
    }
)
_CONFIGURATION: Mapping[str, Spec] = {
    "business_profile": Fields(
        fields={
            "headline": Text(clearable=True, max_length=60),
            "privacy_policy_url": Url(),
            "terms_of_service_url": Url(),
        }
    ),
    "default_return_url": Url(clearable=True),
    "features": _FEATURES,
    "login_page": Fields(fields={"enabled": Boolean(required=True)}),
    "metadata": Metadata(),
    "name": Text(clearable=True),
}
_SUBSCRIPTION = Text(required=True)
_FLOW = Fields(
    fields={
        "after_completion": Fields(
            fields={
                "hosted_confirmation": Fields(fields={"custom_message": Text()}),
                "redirect": Fields(fields={"return_url": Url(required=True)}),
                "type": Text(required=True, choices=("hosted_confirmation", "portal_homepage", "redirect")),
            }
        ),
        "subscription_cancel": Fields(fields={"subscription": _SUBSCRIPTION}),
        "subscription_update": Fields(fields={"subscription": _SUBSCRIPTION}),
        "subscription_update_confirm": Fields(
            fields={
                "discounts": Array(of=Fields(fields={"coupon": Text(), "promotion_code": Text()})),
                "items": Array(
                    required=True,
                    maximum=1,
                    of=Fields(fields={"id": Text(required=True), "price": Text(), "quantity": Integer(minimum=0)}),
                ),
                "subscription": _SUBSCRIPTION,
            }
        ),
        "type": Text(
            required=True,
            choices=(
                "customer_update",
                "payment_method_update",
                "subscription_cancel",
                "subscription_update",
                "subscription_update_confirm",
            ),
        ),
    }
)
_NEEDS = {
    "customer_update": "customer_update",
    "payment_method_update": "payment_method_update",
    "subscription_cancel": "subscription_cancel",
    "subscription_update": "subscription_update",
    "subscription_update_confirm": "subscription_update",
}


def create_configuration(unit: Unit, params: Params) -> Json:
    first = not unit.query("billing_portal.configuration", limit=1)
    configuration = _new_configuration(unit, is_default=first)
    _change(unit, configuration, params)
    return unit.present(unit.add(configuration, "billing_portal.configuration.created"))


def update_configuration(unit: Unit, params: Params, *, id: str) -> Json:
    configuration = unit.get("billing_portal.configuration", id)
    if "active" in params:
        if configuration["is_default"] and not params["active"]:
            raise invalid("You cannot deactivate the default configuration.", param="active")
        configuration["active"] = params["active"]
    _change(unit, configuration, params)
    configuration["updated"] = unit.now
    return unit.present(unit.save(configuration, "billing_portal.configuration.updated"))


def retrieve_configuration(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("billing_portal.configuration", id))


def list_configurations(unit: Unit, params: Params) -> Json:
    where: dict[str, Any] = {}
    if "active" in params:
        where["status"] = "active" if params["active"] else "inactive"
    if "is_default" in params:
        where["$.is_default"] = params["is_default"]
    return listing(unit, "billing_portal.configuration", "/v1/billing_portal/configurations", params, where)


def create_session(unit: Unit, params: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")
    configuration = _configuration_for(unit, params)
    return_url = params.get("return_url") or configuration["default_return_url"]
    if return_url is None:
        raise missing("return_url")
    session_id = ids.new_id("bps")
    session: Json = {
        "id": session_id,
        "object": "billing_portal.session",
        "after_expiration": None,
        "configuration": configuration["id"],
        "created": unit.now,
        "customer": customer["id"],
        "customer_account": None,
        "flow": _flow(unit, params["flow_data"], configuration, customer) if "flow_data" in params else None,
        "livemode": False,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": return_url,
        "url": f"{unit.public_url}/portal/{session_id}",
        "_used_at": None,
    }
    return unit.present(unit.add(session, "billing_portal.session.created"))


def _configuration_for(unit: Unit, params: Params) -> Json:
    if "configuration" in params:
        return unit.get("billing_portal.configuration", params["configuration"], "configuration")
    found = unit.query("billing_portal.configuration", limit=1, where={"$.is_default": True})
    if found:
        return found[0]
    raise invalid(
        "You can't create a portal session in test mode until you save your customer portal settings in test mode at "
        "https://dashboard.stripe.com/test/settings/billing/portal."
    )


def _flow(unit: Unit, given: Params, configuration: Json, customer: Json) -> Json:
    kind = given["type"]
    if not configuration["features"][_NEEDS[kind]]["enabled"]:
        raise invalid(
            f"This flow cannot be used because the {_NEEDS[kind]} feature is disabled in the portal configuration.",
            param="flow_data[type]",
        )
    flow: Json = dict.fromkeys(("customer_update", "subscription_pause"))
    for name in ("subscription_cancel", "subscription_update", "subscription_update_confirm"):
        flow[name] = None
        if kind != name:
            continue
        if name not in given:
            raise missing(f"flow_data[{name}]")
        subscription = unit.get("subscription", given[name]["subscription"], f"flow_data[{name}][subscription]")
        if subscription["customer"] != customer["id"]:
            raise invalid("The subscription does not belong to the customer.", param=f"flow_data[{name}][subscription]")
        flow[name] = {"subscription": subscription["id"]}
    if kind == "subscription_cancel":
        flow[kind]["retention"] = None
    if kind == "subscription_update_confirm":
        confirm = given[kind]
        flow[kind]["discounts"] = [
            {"coupon": item.get("coupon"), "promotion_code": item.get("promotion_code")}
            for item in confirm.get("discounts", ())
        ]
        flow[kind]["items"] = [
            {"id": item["id"], "price": item.get("price"), "quantity": item.get("quantity")}
            for item in confirm["items"]
        ]
    after = given.get("after_completion", {"type": "portal_homepage"})
    hosted = after.get("hosted_confirmation")
    flow["after_completion"] = {
        "hosted_confirmation": hosted and {"custom_message": hosted.get("custom_message")},
        "redirect": after.get("redirect"),
        "type": after["type"],
    }
    flow["type"] = kind
    return flow


def _new_configuration(unit: Unit, *, is_default: bool) -> Json:
    return {
        "id": ids.new_id("bpc"),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": unit.now,
        "default_return_url": None,
        "features": {
            "customer_update": {"allowed_updates": [], "enabled": False},
            "invoice_history": {"enabled": False},
            "payment_method_update": {"enabled": False, "payment_method_configuration": None},
            "subscription_cancel": {
                "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
                "enabled": False,
                "mode": "at_period_end",
                "proration_behavior": "none",
            },
            "subscription_pause": {
                "duration": {"interval_options": [], "type": "indefinite"},
                "enabled": False,
            },
            "subscription_update": {
                "billing_cycle_anchor": "unchanged",
                "default_allowed_updates": [],
                "enabled": False,
                "products": [],
                "proration_behavior": "none",
                "schedule_at_period_end": {"conditions": []},
                "trial_update_behavior": "end_trial",
            },
        },
        "is_default": is_default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": unit.now,
    }


def _change(unit: Unit, configuration: Json, params: Params) -> None:
    metadata.apply(configuration, params, "default_return_url", "name")
    configuration["business_profile"].update(params.get("business_profile", {}))
    if "login_page" in params:
        enabled = params["login_page"]["enabled"]
        url = f"{unit.public_url}/portal/login/{configuration['id']}" if enabled else None
        configuration["login_page"] = {"enabled": enabled, "url": url}
    for name, given in params.get("features", {}).items():
        feature = configuration["features"][name]
        reason = given.pop("cancellation_reason", None)
        if reason is not None:
            feature["cancellation_reason"].update({**reason, "options": reason.get("options") or []})
        for field, value in given.items():
            feature[field] = [] if value is None else value
        if given and "enabled" not in given and name in ("customer_update", "subscription_cancel"):
            feature["enabled"] = True
        if name == "subscription_update":
            feature["products"] = [_product(unit, item) for item in feature["products"]]


def _product(unit: Unit, given: Params) -> Json:
    unit.get("product", given["product"], "features[subscription_update][products][product]")
    seen = set()
    for price_id in given["prices"]:
        price = unit.get("price", price_id, "features[subscription_update][products][prices]")
        recurring = price["recurring"]
        if recurring is None or price["product"] != given["product"]:
            raise invalid(
                f"The price {price_id} must be a recurring price of the product {given['product']}.",
                param="features[subscription_update][products]",
            )
        key = (recurring["interval"], recurring["interval_count"], price["currency"])
        if key in seen:
            raise invalid(
                "Two prices of one product cannot have the same billing interval.",
                param="features[subscription_update][products]",
            )
        seen.add(key)
    adjustable = given.get("adjustable_quantity") or {"enabled": False}
    return {
        "adjustable_quantity": {
            "enabled": adjustable["enabled"],
            "maximum": adjustable.get("maximum"),
            "minimum": adjustable.get("minimum") or 1,
        },
        "prices": given["prices"],
        "product": given["product"],
    }


ROUTES = [
    route(
        "POST",
        "/v1/billing_portal/configurations",
        create_configuration,
        {**_CONFIGURATION, "features": Fields(required=True, fields=_FEATURES.fields)},
    ),
    route(
        "GET",
        "/v1/billing_portal/configurations",
        list_configurations,
        {**PAGE, "active": Boolean(), "is_default": Boolean()},
    ),
    route("GET", "/v1/billing_portal/configurations/{id}", retrieve_configuration),
    route(
        "POST",
        "/v1/billing_portal/configurations/{id}",
        update_configuration,
        {**_CONFIGURATION, "active": Boolean()},
    ),
    route(
        "POST",
        "/v1/billing_portal/sessions",
        create_session,
        {
            "configuration": Text(),
            "customer": Text(required=True),
            "flow_data": _FLOW,
            "locale": Text(),
            "return_url": Url(),
        },
    ),
]
