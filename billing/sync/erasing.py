"""Erasing what is personal of an account, and only that: what the law wants kept stays, as records of nobody's name."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from billing.core import clock, db
from billing.core.audit import AuditEntry
from billing.domain.accounts.models import Account
from billing.domain.checkout import trials
from billing.domain.closing.models import Closure
from billing.domain.customers.models import Customer
from billing.notifications.models import Mail
from billing.sync import account_data
from billing.sync.models import WebhookEvent

KEPT = {
    "billing_accounts": "without its name, its addresses and the host's key",
    "billing_audit_entries": "what staff did, and why, without what members did to their team",
    "billing_closures": "that it was deleted, and when",
    "billing_credit_notes": "papers of the books",
    "billing_customers": "without name, addresses and tax ids",
    "billing_disputes": "papers of the books",
    "billing_fraud_warnings": "what payments were doubted",
    "billing_invoice_lines": "papers of the books",
    "billing_invoices": "papers of the books, with the name and address they were made out to",
    "billing_payments": "papers of the books",
    "billing_refunds": "papers of the books",
    "billing_subscription_items": "what the invoices were for",
    "billing_subscription_schedules": "what the invoices were for",
    "billing_subscriptions": "what the invoices were for",
    "billing_webhook_events": "that Stripe told of it, without what it said",
}
"""The tables of accounts whose rows outlive their account, and why; all others' are deleted."""

NAME = "Deleted account"

_LATEST_NOTICE = timedelta(days=40)
"""Stripe sends an event anew for three days; its list of them, which is read too, reaches back thirty."""


def erase(session: Session, account: Account) -> None:
    """Delete and blank what is personal; the account stays as a row of no name, under its uid. Again is harmless.

    It is a write of the current edge, in the account's turn.
    """
    session.flush()
    trials.forget_person(session, account)
    for part in reversed(account_data.parts(account.id)):
        if part.table.name not in KEPT:
            session.execute(delete(part.table).where(part.rows))
    of_account = Customer.account_id == account.id
    blank: dict[str, Any] = {"name": None, "email": None, "address": None, "tax_ids": [], "note": None}
    session.execute(update(Customer).where(of_account).values(**blank, default_payment_method=None, discount=None))
    _blank_notices(session, account.id)
    _forget_in_teams(session, account)
    account.name, account.email, account.key = NAME, "", f"deleted:{account.uid}"
    account.address = account.invoice_name = account.invoice_email = account.locale = None
    account.closed_at = clock.now()
    session.flush()
    session.expire_all()


def _forget_in_teams(session: Session, account: Account) -> None:
    """Forget what members did to the account, if it is a team; else the person, where teams name them.

    A team's mails and its trail go on: of them only what was to, or by, or about the person is let go.
    """
    of_teams = AuditEntry.action.startswith("team.", autoescape=True)
    if account.kind == "team":
        session.execute(delete(AuditEntry).where(of_teams, AuditEntry.subject == account.uid))
        return
    if not account.email:  # nobody knew who it was by an address
        return
    teams = select(Account.id).where(Account.kind == "team")
    session.execute(delete(Mail).where(Mail.to == account.email, Mail.account_id.in_(teams)))
    said = (AuditEntry.before, AuditEntry.after)
    names = [column[key].as_string() for column in said for key in ("person", "email")]
    is_about = or_(AuditEntry.actor == account.email, *(name == account.email for name in names))
    for entry in session.scalars(select(AuditEntry).where(of_teams, is_about)):
        entry.actor = NAME if entry.actor == account.email else entry.actor
        entry.before, entry.after = (
            values and {key: NAME if value == account.email else value for key, value in values.items()}
            for values in (entry.before, entry.after)
        )


def forget_late_notices() -> None:
    """Blank what Stripe's events have told of deleted accounts since: the notice of a deletion names who it was."""
    with db.edge() as session:
        lately = select(Closure.account_id).where(Closure.closed_at > clock.now() - _LATEST_NOTICE)
        told = [account_id for account_id in session.scalars(lately).all() if _has_notices(session, account_id)]
        for account_id in told:
            _blank_notices(db.begin_write(), account_id)


def _notices(account_id: int) -> Any:
    customers = select(Customer.stripe_id).where(Customer.account_id == account_id)
    is_over = WebhookEvent.state.in_(("done", "ignored"))
    return (WebhookEvent.customer.in_(customers), WebhookEvent.body.is_not(None), is_over)


def _has_notices(session: Session, account_id: int) -> bool:
    return session.scalar(select(WebhookEvent.id).where(*_notices(account_id)).limit(1)) is not None


def _blank_notices(session: Session, account_id: int) -> None:
    session.execute(update(WebhookEvent).where(*_notices(account_id)).values(body=None))
