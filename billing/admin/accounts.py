"""The accounts: a list with search, and a page for each."""

from dataclasses import replace
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin import audit
from billing.admin.events import event_row
from billing.admin.mail import mail_row
from billing.admin.pages import LARGEST_ID, account_of, admin
from billing.domain.access import service as access
from billing.domain.access.answer import Access
from billing.domain.accounts.models import Account
from billing.domain.closing import standing
from billing.domain.customers import queries as customers
from billing.domain.customers.models import Customer
from billing.domain.invoices import queries as invoices
from billing.domain.quotes import queries as quotes
from billing.domain.quotes.models import Quote
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import Subscription
from billing.notifications import queries as mails
from billing.sync import queries as events
from billing.web import quotes as quote_views
from billing.web import words
from billing.web.invoices import invoice_row

_INVOICES = 25
_EVENTS = 50
_QUOTES = 10


@admin.get("/admin")
def accounts() -> ResponseReturnValue:
    """The accounts, newest first, searched by name, e-mail address or Stripe id."""
    wanted = request.args.get("q", "").strip()[:200]
    page = customers.search_accounts(wanted, request.args.get("cursor"))
    held = customers.of_accounts(page.rows)
    granted = access.access_for_all(page.rows)
    query: dict[str, Any] = {"q": wanted} if wanted else {}
    return render_template(
        "billing/admin/accounts.html",
        q=wanted,
        rows=[_row(row, held.get(row.id), granted[row.id]) for row in page.rows],
        next_url=url_for("billing_admin.accounts", cursor=page.older, **query) if page.older else None,
        prev_url=url_for("billing_admin.accounts", cursor=page.newer, **query) if page.newer else None,
    )


def _row(row: Account, customer: Customer | None, granted: Access) -> dict[str, Any]:
    return {
        "name": row.name,
        "email": row.email,
        "plan_name": granted.plan.name if granted.plan else None,
        "state": granted.state,
        "tone": words.state(granted.state),
        "customer_id": customer.stripe_id if customer else None,
        "created_at": row.created_at,
        "url": url_for("billing_admin.account", account_id=row.id),
    }


@admin.get(f"/admin/accounts/<int(max={LARGEST_ID}):account_id>")
def account(account_id: int) -> ResponseReturnValue:
    """An account: its customer, subscriptions, invoices and events."""
    found = account_of(account_id)
    held = customers.of_account(found)
    return render_template(
        "billing/admin/account.html",
        account=found,
        accounts_url=url_for("billing_admin.accounts"),
        granted=access.access_for(found),
        closure=standing.planned(found),
        access_url=url_for("billing_admin.account_access", account_id=found.id),
        customer=held[0] if held else None,
        subscriptions=[_subscription(row) for row in subscriptions.of_account(found)],
        quotes=[_quote(row) for row in quotes.recent(found, _QUOTES)],
        invoices=[replace(invoice_row(row), url=row.hosted_url or "") for row in invoices.recent(found, _INVOICES)],
        mails=[mail_row(row) for row in mails.of_account(found, _INVOICES)],
        audit=audit.recent(found.uid),
        audit_url=url_for("billing_admin.audit", about=found.uid),
        events=[event_row(row) for row in events.of_customers([row.stripe_id for row in held], _EVENTS)],
    )


def _quote(row: Quote) -> dict[str, Any]:
    shown = quote_views.view(row)
    tone = {"changed": "good", "planned": "good", "waiting": "warn", "declined": "bad", "refused": "bad"}
    return {"shown": shown, "tone": tone.get(shown.state, "muted"), "note": row.note, "invoice": row.invoice}


def _subscription(row: Subscription) -> dict[str, Any]:
    plans = dict.fromkeys(item.price.plan.name for item in row.items if item.price)
    return {
        "stripe_id": row.stripe_id,
        "status": row.status,
        "tone": words.subscription(row).tone,
        "plan_name": ", ".join(plans) or None,
        "name": row.name,
        "trial_ends_at": row.trial_end if row.status == "trialing" else None,
        "period_end": row.period_end,
        "cancel_at": row.ends_at if row.is_live else None,
    }
