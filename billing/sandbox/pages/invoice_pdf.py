"""The invoice as a PDF, set by Typst with its built-in fonts."""

import json
from typing import Any

import typst

from billing.core import assets
from billing.sandbox.pages import words

_TEMPLATE = assets.folder("templates") / "sandbox/invoice.typ"


def build(invoice: dict[str, Any], described: dict[str, Any]) -> bytes:
    """The PDF/UA file of an invoice object; `described` is its wording, as on the hosted page."""
    number = invoice["number"] or "draft"
    data = {
        "title": f"Invoice {number}",
        "heading": f"Invoice {number}",
        "merchant": described["merchant"],
        "billed_to": described["billed_to"],
        "facts": described["facts"],
        "headline": _headline(invoice, described["amount_remaining"]),
        "lines": described["lines"],
        "totals": described["totals"],
        "footer": f"{number} · made in a sandbox: no real money has moved",
    }
    return bytes(
        typst.compile(
            _TEMPLATE,
            root=_TEMPLATE.parent,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data)},
            pdf_standards="ua-1",
        )
    )


def _headline(invoice: dict[str, Any], due: str) -> str:
    total = words.money(invoice["total"], invoice["currency"])
    if invoice["status"] == "paid":
        paid_at = invoice["status_transitions"]["paid_at"] or invoice["created"]
        return f"{total} paid on {words.date(paid_at)}"
    if invoice["status"] == "void":
        return f"{total}, void"
    return f"{due} due"
