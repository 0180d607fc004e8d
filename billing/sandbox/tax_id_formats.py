"""What tax ids look like. Kinds that are not here are taken as they are typed.

https://docs.stripe.com/billing/customer/tax-ids#supported-tax-id
"""

import re
from dataclasses import dataclass

from billing.sandbox.wire.errors import invalid

# Stripe's test values, of which the first is verified, the second is not, and the third stays pending.
_MAGIC = ("000000000", "111111111", "222222222")
_EU = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}",
    "IT": r"\d{11}",
    "LT": r"(\d{9}|\d{12})",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"(\d{9}|\d{12})",
}


@dataclass(frozen=True)
class Format:
    """A kind of tax id; `countries` are those whose businesses have one."""

    label: str
    pattern: str
    countries: tuple[str, ...]


FORMATS: dict[str, Format] = {
    "eu_vat": Format(
        "EU VAT number",
        "|".join(code + digits for code, digits in _EU.items()),
        tuple({"EL": "GR", "XI": "GB"}.get(code, code) for code in _EU),
    ),
    "gb_vat": Format("UK VAT number", r"GB(\d{9}|\d{12}|GD\d{3}|HA\d{3})", ("GB",)),
    "us_ein": Format("US employer number", r"\d{2}-\d{7}", ("US",)),
    "ca_gst_hst": Format("Canadian GST/HST number", r"\d{9}RT\d{4}", ("CA",)),
    "ch_vat": Format("Swiss VAT number", r"CHE-?\d{3}\.?\d{3}\.?\d{3} ?(MWST|TVA|IVA)", ("CH",)),
    "no_vat": Format("Norwegian VAT number", r"\d{9}MVA", ("NO",)),
    "au_abn": Format("Australian business number", r"\d{11}", ("AU",)),
    "nz_gst": Format("New Zealand GST number", r"\d{8,9}", ("NZ",)),
    "in_gst": Format("Indian GST number", r"\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]Z[A-Z0-9]", ("IN",)),
    "jp_trn": Format("Japanese registration number", r"T\d{13}", ("JP",)),
}
COUNTRIES = frozenset(country for known in FORMATS.values() for country in known.countries)


def is_plausible(kind: str, value: str) -> bool:
    """Whether a tax id of this kind could read so; Stripe's test values could."""
    if kind not in FORMATS or (kind in ("au_abn", "eu_vat", "gb_vat") and value in _MAGIC):
        return True
    return re.fullmatch(FORMATS[kind].pattern, value, re.ASCII) is not None


def check(kind: str, value: str) -> None:
    """Raises Stripe's tax_id_invalid for a value that cannot be one of `kind`."""
    if not is_plausible(kind, value):
        raise invalid(f"Invalid value for {kind}.", code="tax_id_invalid", param="value")
