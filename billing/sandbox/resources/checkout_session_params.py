"""What a Checkout session is created from, and which of it contradicts itself."""

from collections.abc import Mapping

from billing.sandbox import automatic_tax, intents, vocabulary
from billing.sandbox.invoicing import HOUR
from billing.sandbox.resources import checkout_questions, coupons, price_data
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import (
    Array,
    Boolean,
    Fields,
    Integer,
    Metadata,
    Moment,
    Spec,
    Text,
    Url,
    exclusive,
    missing,
)
from billing.sandbox.wire.routes import Params

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
        "billing_cycle_anchor": Moment(),
        "default_tax_rates": Array(of=Text()),
        "description": Text(max_length=500),
        "metadata": Metadata(),
        "proration_behavior": Text(choices=("create_prorations", "none")),
        "trial_end": Moment(),
        "trial_period_days": Integer(minimum=1, maximum=730),
        "trial_settings": Fields(
            fields={"end_behavior": Fields(required=True, fields={"missing_payment_method": _WITHOUT_METHOD})}
        ),
    }
)
CREATE: Mapping[str, Spec] = {
    "after_expiration": Fields(
        fields={"recovery": Fields(fields={"enabled": Boolean(required=True), "allow_promotion_codes": Boolean()})}
    ),
    "allow_promotion_codes": Boolean(),
    "allowed_payment_method_types": Array(of=Text(choices=vocabulary.CHECKOUT_METHODS)),
    "automatic_tax": Fields(fields={"enabled": Boolean(required=True)}),
    "billing_address_collection": Text(choices=("auto", "required")),
    "cancel_url": Url(),
    "client_reference_id": Text(max_length=200),
    "consent_collection": checkout_questions.CONSENT,
    "currency": Text(max_length=3),
    "custom_fields": checkout_questions.CUSTOM_FIELDS,
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
    "expires_at": Moment(),
    "invoice_creation": Fields(
        fields={
            "enabled": Boolean(required=True),
            "invoice_data": Fields(fields={"description": Text(), "footer": Text(), "metadata": Metadata()}),
        }
    ),
    "line_items": Array(of=_LINE_ITEM),
    "locale": Text(choices=vocabulary.CHECKOUT_LOCALES),
    "metadata": Metadata(),
    "mode": Text(required=True, choices=("payment", "setup", "subscription")),
    "payment_intent_data": Fields(
        fields={
            "description": Text(),
            "metadata": Metadata(),
            "receipt_email": Text(),
            "setup_future_usage": Text(choices=("off_session", "on_session")),
            "shipping": intents.SHIPPING,
            "statement_descriptor": Text(max_length=22),
            "statement_descriptor_suffix": Text(max_length=22),
        }
    ),
    "payment_method_collection": Text(choices=("always", "if_required")),
    "phone_number_collection": Fields(fields={"enabled": Boolean(required=True)}),
    "saved_payment_method_options": Fields(
        fields={
            "payment_method_save": Text(choices=("disabled", "enabled")),
            "payment_method_remove": Text(choices=("disabled", "enabled")),
            "allow_redisplay_filters": Array(of=Text(choices=("always", "limited", "unspecified"))),
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
_MODES = {
    "automatic_tax": ("payment", "subscription"),
    "invoice_creation": ("payment",),
    "payment_intent_data": ("payment",),
    "payment_method_collection": ("subscription",),
    "saved_payment_method_options": ("payment", "subscription"),
    "setup_intent_data": ("setup",),
    "submit_type": ("payment", "subscription"),
    "subscription_data": ("subscription",),
}


def check(unit: Unit, params: Params) -> None:
    """Refuse what Stripe refuses of a new session whose parameters are each valid."""
    mode = params["mode"]
    if "customer" in params and "customer_email" in params:
        raise exclusive("customer", "customer_email")
    if params.get("allow_promotion_codes") and params.get("discounts"):
        raise exclusive("allow_promotion_codes", "discounts")
    if "customer" in params:
        _check_customer(unit.get("customer", params["customer"], "customer"), params)
    elif "customer_update" in params:
        raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")
    if mode == "setup":
        if params.get("line_items"):
            raise invalid("You can not pass `line_items` in `setup` mode.", param="line_items")
        if "currency" not in params:
            raise missing("currency")
    elif not params.get("line_items"):
        raise missing("line_items")
    for name, modes in _MODES.items():
        if name in params and mode not in modes:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if "customer_creation" in params and mode == "subscription":
        raise invalid("`customer_creation` can only be used in `payment` and `setup` mode.", param="customer_creation")
    email = params.get("customer_email")
    if email is not None and ("@" not in email or email != email.strip()):
        raise invalid(f"Invalid email address: {email}", code="email_invalid", param="customer_email")
    checkout_questions.check(params.get("custom_fields", ()))
    for given in params.get("discounts", ()):
        coupons.choose(unit, given, params.get("customer"))
    trial = params.get("subscription_data", {})
    if "trial_end" in trial and "trial_period_days" in trial:
        raise exclusive("subscription_data[trial_end]", "subscription_data[trial_period_days]")
    if "trial_end" in trial and trial["trial_end"] < unit.now + 48 * HOUR:
        raise invalid(
            "The `trial_end` date has to be at least 2 days in the future.", param="subscription_data[trial_end]"
        )


def _check_customer(customer: Json, params: Params) -> None:
    """What is typed must be allowed onto a known customer where an invoice needs it there."""
    update = params.get("customer_update", {})
    if params.get("tax_id_collection", {}).get("enabled") and update.get("name") != "auto":
        raise invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an "
            "existing customer, please set `customer_update[name]` to `auto`."
        )
    taxed = params.get("automatic_tax", {}).get("enabled") and automatic_tax.country(customer["address"]) is None
    if taxed and update.get("address") != "auto":
        raise invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to "
            "the Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto' "
            "to save the address entered in Checkout to the Customer.",
            code="customer_tax_location_invalid",
        )
