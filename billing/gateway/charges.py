"""Stripe's charges, refunds, disputes and early fraud warnings."""

from typing import Any

from billing.gateway.client import asking, plain, take_out


def list_refunds(charge: str) -> list[dict[str, Any]]:
    """All refunds of the charge."""
    with asking() as stripe:
        found = stripe.v1.refunds.list({"charge": charge, "limit": 100})
        return [plain(refund) for refund in found.auto_paging_iter()]


def retrieve_refund(stripe_id: str) -> dict[str, Any]:
    """The refund. Raises NoSuchObject."""
    with asking() as stripe:
        return plain(stripe.v1.refunds.retrieve(stripe_id))


def retrieve_dispute(stripe_id: str) -> tuple[dict[str, Any], str | None]:
    """The dispute, and the customer of its charge, in one call. Raises NoSuchObject."""
    with asking() as stripe:
        return _with_customer(plain(stripe.v1.disputes.retrieve(stripe_id, {"expand": ["charge"]})))


def retrieve_fraud_warning(stripe_id: str) -> tuple[dict[str, Any], str | None]:
    """The early fraud warning, and the customer of its charge, in one call. Raises NoSuchObject."""
    with asking() as stripe:
        return _with_customer(plain(stripe.v1.radar.early_fraud_warnings.retrieve(stripe_id, {"expand": ["charge"]})))


def _with_customer(doubt: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    charge = take_out(doubt, "charge") or {}
    return doubt, charge.get("customer")
