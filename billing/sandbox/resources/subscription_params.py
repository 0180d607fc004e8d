"""The parameters of subscriptions, which items and previews share."""

from collections.abc import Mapping

from billing.sandbox import extras, vocabulary
from billing.sandbox.resources import coupons, price_data
from billing.sandbox.wire.params import Array, Boolean, Fields, Integer, Metadata, Moment, Spec, Text

PRORATION = Text(choices=("always_invoice", "create_prorations", "none"))
TRIAL_SETTINGS = Fields(
    fields={
        "end_behavior": Fields(
            required=True,
            fields={
                "missing_payment_method": Text(required=True, choices=("cancel", "create_invoice", "pause")),
                "billing_cycle_anchor": Text(choices=("now", "unchanged")),
            },
        )
    }
)
_PAYMENT_SETTINGS = Fields(
    fields={
        "save_default_payment_method": Text(choices=("off", "on_subscription")),
        "payment_method_types": Array(of=Text(choices=vocabulary.INVOICE_METHODS), clearable=True),
    }
)
_CANCELLATION = Fields(
    fields={
        "comment": Text(clearable=True),
        "feedback": Text(
            clearable=True,
            choices=(
                "customer_service",
                "low_quality",
                "missing_features",
                "other",
                "switched_service",
                "too_complex",
                "too_expensive",
                "unused",
            ),
        ),
        "feedback_option": Text(),
    }
)
_BILLING_MODE = Fields(
    fields={
        "type": Text(required=True, choices=("classic", "flexible")),
        "flexible": Fields(fields={"proration_discounts": Text(choices=("included",))}),
    }
)
MIGRATION = Fields(
    required=True,
    fields={
        "type": Text(required=True, choices=("flexible",)),
        "flexible": Fields(fields={"proration_discounts": Text(choices=("included", "itemized"))}),
    },
)
ANCHOR = Fields(fields={"type": Text(required=True, choices=("now", "unchanged"))})
_NEW_ITEM: Mapping[str, Spec] = {
    "metadata": Metadata(),
    "price": Text(),
    "price_data": price_data.OF_SUBSCRIPTION_ITEM,
    "quantity": Integer(minimum=0),
    "tax_rates": Array(of=Text(), clearable=True),
}
CHANGED_ITEM: Mapping[str, Spec] = {**_NEW_ITEM, "deleted": Boolean(), "id": Text()}
AUTOMATIC_TAX = Fields(
    fields={
        "enabled": Boolean(required=True),
        "liability": Fields(fields={"type": Text(required=True, choices=("self",))}),
    }
)
_COMMON: Mapping[str, Spec] = {
    "add_invoice_items": extras.params(
        ("max_item_period_start", "now", "timestamp"), ("min_item_period_end", "timestamp")
    ),
    "automatic_tax": AUTOMATIC_TAX,
    "cancel_at": Moment(clearable=True, words=("max_period_end", "min_period_end")),
    "cancel_at_period_end": Boolean(),
    "collection_method": Text(choices=("charge_automatically", "send_invoice")),
    "days_until_due": Integer(minimum=0, maximum=3650),
    "default_payment_method": Text(clearable=True),
    "default_tax_rates": Array(of=Text(), clearable=True),
    "description": Text(clearable=True, max_length=500),
    "discounts": coupons.DISCOUNTS,
    "metadata": Metadata(),
    "off_session": Boolean(),
    "payment_behavior": Text(choices=("allow_incomplete", "default_incomplete", "error_if_incomplete")),
    "payment_settings": _PAYMENT_SETTINGS,
    "proration_behavior": PRORATION,
    "trial_end": Moment(words=("now",)),
    "trial_settings": TRIAL_SETTINGS,
}
CREATE: Mapping[str, Spec] = {
    **_COMMON,
    "billing_cycle_anchor": Moment(),
    "billing_cycle_anchor_config": Fields(
        fields={
            "day_of_month": Integer(required=True, minimum=1, maximum=31),
            "hour": Integer(minimum=0, maximum=23),
            "minute": Integer(minimum=0, maximum=59),
            "month": Integer(minimum=1, maximum=12),
            "second": Integer(minimum=0, maximum=59),
        }
    ),
    "billing_mode": _BILLING_MODE,
    "currency": Text(),
    "customer": Text(required=True),
    "items": Array(required=True, maximum=20, of=Fields(fields=_NEW_ITEM)),
    "trial_from_plan": Boolean(),
    "trial_period_days": Integer(minimum=1, maximum=730),
}
UPDATE: Mapping[str, Spec] = {
    **_COMMON,
    "billing_cycle_anchor": ANCHOR,
    "cancellation_details": _CANCELLATION,
    "items": Array(maximum=20, of=Fields(fields=CHANGED_ITEM)),
    "pause_collection": Fields(
        clearable=True,
        fields={
            "behavior": Text(required=True, choices=("keep_as_draft", "mark_uncollectible", "void")),
            "resumes_at": Moment(),
        },
    ),
    "payment_behavior": Text(
        choices=("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
    ),
    "proration_date": Moment(),
}
CANCEL: Mapping[str, Spec] = {
    "cancellation_details": _CANCELLATION,
    "invoice_now": Boolean(),
    "prorate": Boolean(),
}
