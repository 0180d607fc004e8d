"""Portal sessions, and the flows that lead to one of the portal's pages. The pages are in `billing.sandbox.pages`."""

from billing.sandbox import ids, vocabulary
from billing.sandbox.resources import coupons
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import Array, Fields, Integer, Moment, Text, Url, missing
from billing.sandbox.wire.routes import Params, route

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
        "subscription_cancel": Fields(
            fields={
                "retention": Fields(
                    fields={
                        "coupon_offer": Fields(required=True, fields={"coupon": Text(required=True)}),
                        "type": Text(required=True, choices=("coupon_offer",)),
                    }
                ),
                "subscription": _SUBSCRIPTION,
            }
        ),
        "subscription_pause": Fields(fields={"subscription": _SUBSCRIPTION}),
        "subscription_update": Fields(fields={"subscription": _SUBSCRIPTION}),
        "subscription_update_confirm": Fields(
            fields={
                "discounts": Array(maximum=1, of=Fields(fields={"coupon": Text(), "promotion_code": Text()})),
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
                "subscription_pause",
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
    "subscription_pause": "subscription_pause",
    "subscription_update": "subscription_update",
    "subscription_update_confirm": "subscription_update",
}


_OF_SUBSCRIPTION = ("subscription_cancel", "subscription_pause", "subscription_update", "subscription_update_confirm")


def create(unit: Unit, params: Params) -> Json:
    customer = unit.get("customer", params["customer"], "customer")
    configuration = _configuration_for(unit, params)
    return_url = params.get("return_url") or configuration["default_return_url"]
    if return_url is None:
        raise missing("return_url")
    return unit.present(
        begin(
            unit,
            customer,
            configuration,
            after_expiration=_after_expiration(params.get("after_expiration")),
            flow=_flow(unit, params["flow_data"], configuration, customer) if "flow_data" in params else None,
            locale=params.get("locale"),
            return_url=return_url,
        )
    )


def begin(unit: Unit, customer: Json, configuration: Json, **fields: object) -> Json:
    """Store a session for `customer`; `fields` override what it starts with, which is no flow and no way back."""
    session_id = ids.new_id("bps")
    session: Json = {
        "id": session_id,
        "object": "billing_portal.session",
        "after_expiration": None,
        "configuration": configuration["id"],
        "created": unit.now,
        "customer": customer["id"],
        "customer_account": None,
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": None,
        "url": f"{unit.public_url}/portal/{session_id}",
        "_used_at": None,
        **fields,
    }
    return unit.add(session, "billing_portal.session.created")


def _after_expiration(given: Params | None) -> Json | None:
    login = given.get("customer_login", {}) if given else {}
    return given and {"customer_login": {"expires_at": login.get("expires_at")}, "type": given["type"]}


def _configuration_for(unit: Unit, params: Params) -> Json:
    if "configuration" in params:
        configuration = unit.get("billing_portal.configuration", params["configuration"], "configuration")
        if not configuration["active"]:
            raise invalid("This portal configuration is not active.", param="configuration")
        return configuration
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
    flow: Json = {"customer_update": None, **dict.fromkeys(_OF_SUBSCRIPTION)}
    if kind in _OF_SUBSCRIPTION:
        if kind not in given:
            raise missing(f"flow_data[{kind}]")
        where = f"flow_data[{kind}][subscription]"
        subscription = unit.get("subscription", given[kind]["subscription"], where)
        if subscription["customer"] != customer["id"]:
            raise invalid("The subscription does not belong to the customer.", param=where)
        flow[kind] = {"subscription": subscription["id"]}
    if kind == "subscription_cancel":
        retention = given[kind].get("retention")
        if retention:
            coupons.choose(unit, retention["coupon_offer"], customer["id"])
        flow[kind]["retention"] = retention
    if kind == "subscription_update_confirm":
        flow[kind] |= _change(unit, given[kind], subscription)
    after = given.get("after_completion", {"type": "portal_homepage"})
    hosted = after.get("hosted_confirmation")
    flow["after_completion"] = {
        "hosted_confirmation": hosted and {"custom_message": hosted.get("custom_message")},
        "redirect": after.get("redirect"),
        "type": after["type"],
    }
    flow["type"] = kind
    return flow


def _change(unit: Unit, given: Params, subscription: Json) -> Json:
    """What a confirmation is asked for; items and discounts are looked up here, what they cost only on the page."""
    held = [item["id"] for item in subscription["items"]["data"]]
    for item in given["items"]:
        if item["id"] not in held:
            raise invalid(
                f"No such subscription item: '{item['id']}'",
                code="resource_missing",
                param="flow_data[subscription_update_confirm][items][0][id]",
            )
    for reference in given.get("discounts", ()):
        coupons.choose(unit, reference, subscription["customer"])
    return {
        "discounts": [
            {"coupon": item.get("coupon"), "promotion_code": item.get("promotion_code")}
            for item in given.get("discounts", ())
        ],
        "items": [
            {"id": item["id"], "price": item.get("price"), "quantity": item.get("quantity")} for item in given["items"]
        ],
    }


ROUTES = [
    route(
        "POST",
        "/v1/billing_portal/sessions",
        create,
        {
            "after_expiration": Fields(
                fields={
                    "customer_login": Fields(fields={"expires_at": Moment()}),
                    "type": Text(required=True, choices=("customer_login",)),
                }
            ),
            "configuration": Text(),
            "customer": Text(required=True),
            "flow_data": _FLOW,
            "locale": Text(choices=vocabulary.PORTAL_LOCALES),
            "return_url": Url(),
        },
    ),
]
