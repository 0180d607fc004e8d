"""The one account this sandbox is."""

from billing.sandbox import identity, shapes
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.routes import Params, route

_PROFILE = (
    "annual_revenue",
    "estimated_worker_count",
    "mcc",
    "minority_owned_business_designation",
    "monthly_estimated_revenue",
    "product_description",
    "specified_commercial_transactions_act_url",
    "support_address",
    "support_email",
    "support_phone",
    "support_url",
    "url",
)


def retrieve(unit: Unit, _params: Params) -> Json:
    return shapes.blank(
        "account",
        id=identity.account(unit.connection),
        business_profile={**dict.fromkeys(_PROFILE), "name": unit.merchant},
        capabilities={"card_payments": "active", "transfers": "active"},
        charges_enabled=True,
        country="US",
        created=1_700_000_000,
        default_currency="usd",
        details_submitted=True,
        metadata={},
        payouts_enabled=True,
        type="standard",
    )


ROUTES = [route("GET", "/v1/account", retrieve)]
