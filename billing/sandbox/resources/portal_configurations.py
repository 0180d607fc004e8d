"""What the customer portal lets customers do. Its sessions are in `portal_sessions`."""

from collections.abc import Mapping, Sequence
from typing import Any

from billing.sandbox import ids, metadata
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Array, Boolean, Fields, Integer, Metadata, Spec, Text, Url
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
_LONGEST_PAUSE = {"day": 3 * 365, "week": 3 * 52, "month": 36, "year": 3}


def _features(*, new: bool) -> Fields:
    """The features; those of a new configuration must say whether they are on."""
    return Fields(
        required=new,
        fields={
            "customer_update": Fields(
                fields={
                    "allowed_updates": Array(
                        clearable=True,
                        of=Text(choices=("address", "email", "name", "phone", "shipping", "tax_id")),
                    ),
                    "enabled": Boolean(required=new),
                }
            ),
            "invoice_history": Fields(fields={"enabled": Boolean(required=True)}),
            "payment_method_update": Fields(fields={"enabled": Boolean(required=True)}),
            "subscription_cancel": Fields(
                fields={
                    "cancellation_reason": Fields(
                        fields={
                            "enabled": Boolean(required=True),
                            "feedback_options": Array(of=Text(), clearable=True),
                            "options": Array(of=Text(choices=_REASONS), clearable=True, required=new),
                        }
                    ),
                    "enabled": Boolean(required=new),
                    "mode": Text(choices=("at_period_end", "immediately")),
                    "proration_behavior": _PRORATION,
                }
            ),
            "subscription_pause": Fields(
                fields={
                    "duration": Fields(
                        fields={
                            "interval_options": Array(
                                clearable=True,
                                of=Fields(
                                    fields={
                                        "interval": Text(required=True, choices=("day", "month", "week", "year")),
                                        "interval_count": Integer(minimum=1, maximum=1200),
                                    }
                                ),
                            ),
                            "type": Text(required=True, choices=("indefinite", "interval_options")),
                        }
                    ),
                    "enabled": Boolean(),
                }
            ),
            "subscription_update": Fields(
                fields={
                    "billing_cycle_anchor": Text(choices=("now", "unchanged")),
                    "default_allowed_updates": Array(
                        clearable=True, of=Text(choices=("price", "promotion_code", "quantity"))
                    ),
                    "enabled": Boolean(required=new),
                    "products": Array(
                        clearable=True,
                        maximum=10,
                        of=Fields(
                            fields={
                                "adjustable_quantity": Fields(
                                    fields={
                                        "enabled": Boolean(required=True),
                                        "maximum": Integer(minimum=1),
                                        "minimum": Integer(minimum=0),
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
        },
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
    "features": _features(new=False),
    "login_page": Fields(fields={"enabled": Boolean(required=True)}),
    "metadata": Metadata(),
    "name": Text(clearable=True),
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
                "duration": {
                    "interval_options": [{"interval": "month", "interval_count": 1}],
                    "type": "interval_options",
                },
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
            _check_feedback_options(unit, reason.get("feedback_options") or ())
            feature["cancellation_reason"].update({**reason, "options": reason.get("options") or []})
        if "duration" in given:
            given["duration"] = _duration(given["duration"])
        if name == "subscription_cancel" and given.get("proration_behavior") == "always_invoice":
            raise invalid(
                "`always_invoice` is not supported for cancellations in the portal.",
                param="features[subscription_cancel][proration_behavior]",
            )
        if "schedule_at_period_end" in given:
            given["schedule_at_period_end"] = {"conditions": given["schedule_at_period_end"].get("conditions") or []}
        for field, value in given.items():
            feature[field] = [] if value is None else value
        if name == "subscription_update":
            feature["products"] = [_product(unit, item, feature) for item in feature["products"]]


def _check_feedback_options(unit: Unit, given: Sequence[str]) -> None:
    where = "features[subscription_cancel][cancellation_reason][feedback_options]"
    for name in given:
        if unit.get("billing.feedback_option", name, where)["status"] != "active":
            raise invalid(f"The feedback option {name} is inactive.", param=where)


def _duration(given: Params) -> Json:
    """How long plans can be paused: one of some intervals, or until the customer resumes."""
    where = "features[subscription_pause][duration][interval_options]"
    options = [
        {"interval": option["interval"], "interval_count": option.get("interval_count", 1)}
        for option in given.get("interval_options") or ()
    ]
    if (given["type"] == "interval_options") != bool(options):
        raise invalid("You must give `interval_options` exactly when `type` is `interval_options`.", param=where)
    if any(option["interval_count"] > _LONGEST_PAUSE[option["interval"]] for option in options):
        raise invalid("The maximum pause duration is three years.", param=where)
    return {"interval_options": options, "type": given["type"]}


def _product(unit: Unit, given: Params, feature: Json) -> Json:
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
    # A product that says nothing of quantities follows the feature.
    adjustable = given.get("adjustable_quantity") or {"enabled": "quantity" in feature["default_allowed_updates"]}
    minimum, maximum = adjustable.get("minimum"), adjustable.get("maximum")
    minimum = 1 if minimum is None else minimum
    if maximum is not None and maximum < minimum:
        raise invalid(
            "The maximum quantity must not be less than the minimum.",
            param="features[subscription_update][products][adjustable_quantity][maximum]",
        )
    return {
        "adjustable_quantity": {"enabled": adjustable["enabled"], "maximum": maximum, "minimum": minimum},
        "prices": given["prices"],
        "product": given["product"],
    }


ROUTES = [
    route(
        "POST",
        "/v1/billing_portal/configurations",
        create_configuration,
        {**_CONFIGURATION, "features": _features(new=True)},
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
]
