"""A simple automatic tax: one standard rate per country of the customer, the same for every product."""

from typing import Any

from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid

# Standard rates in percent, as of 2026. A country that is not here is one where no tax is collected.
RATES: dict[str, tuple[str, float]] = {
    "AT": ("vat", 20.0),
    "AU": ("gst", 10.0),
    "BE": ("vat", 21.0),
    "BG": ("vat", 20.0),
    "CA": ("gst", 5.0),
    "CH": ("vat", 8.1),
    "CY": ("vat", 19.0),
    "CZ": ("vat", 21.0),
    "DE": ("vat", 19.0),
    "DK": ("vat", 25.0),
    "EE": ("vat", 24.0),
    "ES": ("vat", 21.0),
    "FI": ("vat", 25.5),
    "FR": ("vat", 20.0),
    "GB": ("vat", 20.0),
    "GR": ("vat", 24.0),
    "HR": ("vat", 25.0),
    "HU": ("vat", 27.0),
    "IE": ("vat", 23.0),
    "IT": ("vat", 22.0),
    "JP": ("jct", 10.0),
    "LT": ("vat", 21.0),
    "LU": ("vat", 17.0),
    "LV": ("vat", 21.0),
    "MT": ("vat", 18.0),
    "NL": ("vat", 21.0),
    "NO": ("vat", 25.0),
    "NZ": ("gst", 15.0),
    "PL": ("vat", 23.0),
    "PT": ("vat", 23.0),
    "RO": ("vat", 21.0),
    "SE": ("vat", 25.0),
    "SI": ("vat", 22.0),
    "SK": ("vat", 23.0),
}
_NAMES = {"gst": "GST", "jct": "JCT", "vat": "VAT"}


def of_invoice(*, enabled: bool) -> Json:
    """An invoice's `automatic_tax`, before anything has been worked out."""
    return {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": {"type": "self"} if enabled else None,
        "provider": "stripe" if enabled else None,
        "status": None,
    }


def of_subscription(*, enabled: bool) -> Json:
    return {"disabled_reason": None, "enabled": enabled, "liability": {"type": "self"} if enabled else None}


def country(address: Json | None) -> str | None:
    """Where the customer is taxed, if that is known."""
    return (address or {}).get("country") or None


def require_location(customer: Json) -> None:
    """Refuse to tax a customer nobody knows the place of."""
    if country(customer["address"]) is None:
        raise location_missing()


def location_missing() -> StripeApiError:
    return invalid(
        "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate "
        "tax.",
        code="customer_tax_location_invalid",
        param="automatic_tax[enabled]",
    )


def rate(unit: Unit, address: Json | None, tax_behavior: str | None) -> list[Json]:
    """The tax rate at `address`, none where no tax is collected; an unspecified behaviour counts as exclusive."""
    code = country(address)
    if code is None or code not in RATES:
        return []
    kind, percentage = RATES[code]
    inclusive = tax_behavior == "inclusive"
    rate_id = f"txr_automatic{code}{'Inclusive' if inclusive else 'Exclusive'}"
    held = unit.find(rate_id)
    if held is not None:
        return [held]
    made: dict[str, Any] = {
        "id": rate_id,
        "object": "tax_rate",
        "active": False,
        "country": code,
        "created": unit.now,
        "description": None,
        "display_name": _NAMES[kind],
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": inclusive,
        "jurisdiction": code,
        "jurisdiction_level": "country",
        "livemode": False,
        "metadata": {},
        "percentage": percentage,
        "rate_type": "percentage",
        "state": None,
        "tax_type": kind,
    }
    return [unit.add(made)]
