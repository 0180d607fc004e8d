"""Everything the resource modules declare, gathered: routes, presentations, the agenda's actions."""

from collections.abc import Callable
from typing import Any

from billing.sandbox.resources import (
    accounts,
    balance_transactions,
    charges,
    checkout_sessions,
    controls,
    coupons,
    credit_notes,
    customer_balance_transactions,
    customers,
    deliveries,
    disputes,
    early_fraud_warnings,
    events,
    faults,
    features,
    feedback_options,
    invoice_items,
    invoice_lines,
    invoice_payments,
    invoices,
    meters,
    payment_intents,
    payment_methods,
    payment_pages,
    portal_configurations,
    portal_sessions,
    previews,
    prices,
    products,
    refunds,
    setup_intents,
    subscription_items,
    subscription_pauses,
    subscription_schedules,
    subscriptions,
    tax_ids,
    tax_rates,
    test_clocks,
    webhook_endpoints,
)
from billing.sandbox.unit import Json, Presentation, Unit
from billing.sandbox.wire.routes import RouteTable

_MODULES: tuple[Any, ...] = (
    accounts,
    balance_transactions,
    charges,
    checkout_sessions,
    controls,
    coupons,
    credit_notes,
    customer_balance_transactions,
    customers,
    deliveries,
    disputes,
    early_fraud_warnings,
    events,
    faults,
    features,
    feedback_options,
    invoice_items,
    invoice_lines,
    invoice_payments,
    invoices,
    meters,
    payment_intents,
    payment_methods,
    payment_pages,
    portal_configurations,
    portal_sessions,
    previews,
    prices,
    products,
    refunds,
    setup_intents,
    subscription_items,
    subscription_pauses,
    subscription_schedules,
    subscriptions,
    tax_ids,
    tax_rates,
    test_clocks,
    webhook_endpoints,
)

ROUTES = RouteTable([route for module in _MODULES for route in module.ROUTES])
PRESENTATION = Presentation(
    presenters={kind: shape for module in _MODULES for kind, shape in getattr(module, "PRESENTERS", {}).items()},
    included={field: fill for module in _MODULES for field, fill in getattr(module, "INCLUDED", {}).items()},
)
AGENDA: dict[str, Callable[[Unit, Json], None]] = {
    action: act for module in _MODULES for action, act in getattr(module, "AGENDA", {}).items()
}
