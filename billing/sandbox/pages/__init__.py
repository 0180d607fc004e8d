"""The hosted pages: Checkout, the customer portal, invoices, 3D Secure and the dashboard."""

from typing import TYPE_CHECKING

from flask import Flask

from billing.sandbox.pages import (
    authentication,
    checkout_pages,
    credit_notes,
    dashboard,
    invoices,
    portal,
    portal_cancellations,
    portal_customer,
    portal_login,
    portal_pauses,
    portal_payments,
    portal_schedules,
    portal_updates,
    receipts,
)
from billing.sandbox.pages.blueprint import pages
from billing.sandbox.pages.elements import elements

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Sandbox

# Importing a module adds its routes to the blueprint.
__all__ = [
    "authentication",
    "checkout_pages",
    "credit_notes",
    "dashboard",
    "invoices",
    "portal",
    "portal_cancellations",
    "portal_customer",
    "portal_login",
    "portal_pauses",
    "portal_payments",
    "portal_schedules",
    "portal_updates",
    "receipts",
    "register",
]


def register(app: Flask, sandbox: "Sandbox") -> None:
    """Add the hosted pages of `sandbox` to its app."""
    app.extensions[pages.name] = sandbox
    app.register_blueprint(pages)
    app.register_blueprint(elements)
