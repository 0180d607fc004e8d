"""Invoices and credit notes as PDFs, set by Typst with its built-in fonts, and the words both share."""

import json
from typing import Any, Literal

import typst

from billing.core import assets
from billing.sandbox.pages import words
from billing.sandbox.pages.blueprint import Json, fetch

_TEMPLATE = assets.folder("templates") / "sandbox/document.typ"


def typeset(number: str, **content: Any) -> bytes:
    """A PDF/UA file; a plain PDF where the text has letters the fonts lack, which PDF/UA forbids.

    `content` is what templates/sandbox/document.typ shows: `title`, `merchant`, `billed_to`, `facts`, `headline`,
    `lines` (description, period, quantity, amount) and `totals`, all of them in words.
    """
    data = json.dumps({**content, "footer": f"{number} · made in a sandbox: no real money has moved"})
    try:
        return _compile(data, "ua-1")
    except typst.TypstError:
        return _compile(data, None)


def _compile(data: str, standard: Literal["ua-1"] | None) -> bytes:
    made = typst.compile(
        _TEMPLATE,
        root=_TEMPLATE.parent,
        ignore_system_fonts=True,
        sys_inputs={"data": data},
        pdf_standards=standard,
    )
    return bytes(made)


def billed_to(invoice: Json) -> list[str]:
    """Who pays, line by line."""
    address = invoice["customer_address"] or {}
    town = " ".join(part for part in (address.get("postal_code"), address.get("city")) if part)
    lines = [
        invoice["customer_name"],
        invoice["customer_email"],
        address.get("line1"),
        address.get("line2"),
        town,
        address.get("state"),
        address.get("country"),
        *(tax_id["value"] for tax_id in invoice["customer_tax_ids"] or []),
    ]
    # A customer without a name is often called by the email address.
    return list(dict.fromkeys(line for line in lines if line))


def lines_of(path: str) -> list[Json]:
    """Every line of the invoice or credit note at `path`; the object itself holds the first ten."""
    found: list[Json] = []
    more = True
    while more:
        after = {"starting_after": found[-1]["id"]} if found else {}
        page = fetch(f"{path}/lines", limit=100, **after)
        found += page["data"]
        more = page["has_more"]
    return found


def taxes(of: Json) -> list[tuple[str, int]]:
    """What each tax is called, "VAT (20%)" or "VAT (20%, included)", and its amount."""
    return [(_tax_words(tax), tax["amount"]) for tax in of["total_taxes"] or []]


def in_words(totals: list[tuple[str, int]], currency: str) -> list[tuple[str, str]]:
    """Labelled amounts as they are shown."""
    return [(label, words.money(amount, currency)) for label, amount in totals]


def _tax_words(tax: Json) -> str:
    rate = fetch(f"/v1/tax_rates/{tax['tax_rate_details']['tax_rate']}")
    included = ", included" if tax["tax_behavior"] == "inclusive" else ""
    return f"{rate['display_name']} ({rate['percentage']:g}%{included})"
