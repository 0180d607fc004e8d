"""Prices given in place: each parameter that takes one takes a part of what a price can say."""

from collections.abc import Mapping

from billing.sandbox.resources import prices
from billing.sandbox.wire.params import Array, Fields, Integer, Metadata, Spec, Text

_ONE_TIME: Mapping[str, Spec] = {
    "currency": prices.CREATE["currency"],
    "product": prices.CREATE["product"],
    "tax_behavior": prices.CREATE["tax_behavior"],
    "unit_amount": prices.CREATE["unit_amount"],
    "unit_amount_decimal": prices.CREATE["unit_amount_decimal"],
}
_RECURRING = Fields(
    fields={
        "interval": Text(required=True, choices=("day", "month", "week", "year")),
        "interval_count": Integer(minimum=1, maximum=1200),
    }
)
_PRODUCT = Fields(
    fields={
        "description": Text(),
        "images": Array(of=Text(), maximum=8),
        "metadata": Metadata(),
        "name": Text(required=True),
        "tax_code": Text(),
        "unit_label": Text(),
    }
)

OF_SUBSCRIPTION_ITEM = Fields(fields={**_ONE_TIME, "recurring": _RECURRING})
OF_INVOICE_ITEM = Fields(fields=_ONE_TIME)
OF_INVOICE_LINE = Fields(fields={**_ONE_TIME, "product_data": _PRODUCT})
OF_CHECKOUT_LINE = Fields(fields={**_ONE_TIME, "product_data": _PRODUCT, "recurring": _RECURRING})
OF_PRODUCT = Fields(
    fields={
        **{name: spec for name, spec in _ONE_TIME.items() if name != "product"},
        "currency_options": prices.CREATE["currency_options"],
        "metadata": Metadata(),
        "recurring": _RECURRING,
    }
)
