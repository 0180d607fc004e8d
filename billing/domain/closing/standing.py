"""How an account stands when it is to be deleted: what runs, what is unpaid or in dispute, credit, teams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from billing.core import db
from billing.core.errors import Conflict
from billing.core.i18n import N_, ngettext
from billing.core.i18n import gettext as _
from billing.core.money import Money
from billing.domain.accounts.models import Account
from billing.domain.closing.models import Closure
from billing.domain.customers import queries as customers
from billing.domain.customers.models import Customer
from billing.domain.disputes.models import Dispute
from billing.domain.invoices import queries as invoices
from billing.domain.invoices.models import Invoice
from billing.domain.payments import queries as payments
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import Subscription
from billing.domain.teams import queries as teams

_RENEWS = ("active", "trialing", "past_due")


class StillUnpaid(Conflict):
    """Invoices wait for their payment."""

    code, title = "account_unpaid", N_("Something is still unpaid")


class StillNeeded(Conflict):
    """A team would be left without an owner."""

    code, title = "account_needed", N_("A team needs this account")


class InDispute(Conflict):
    """A payment is in dispute, and its papers are needed until the bank has decided."""

    code, title = "account_in_dispute", N_("A payment is in dispute")


@dataclass(frozen=True)
class Standing:
    """What there is to be settled. `paid_until` is when all that is paid for has ended, None if nothing is.

    `others` counts who else belongs to the account, if it is a team. A person leaves the teams they `joined`, but not
    those they alone are the owner of (`owned`).
    """

    running: Sequence[Subscription]
    unpaid: Sequence[Invoice]
    disputes: Sequence[Dispute]
    credit: Sequence[Money]
    paid_until: datetime | None
    others: int
    joined: Sequence[Account]
    owned: Sequence[Account]

    @property
    def goes_on(self) -> bool:
        """Whether a plan renews by itself."""
        return any(row.status in _RENEWS and row.ends_at is None for row in self.running)


def of_account(account: Account) -> Standing:
    """How the account stands, as the local tables have it."""
    running = [row for row in subscriptions.of_account(account) if row.is_live]
    ends = [row.ends_at or row.period_end for row in running if row.status in _RENEWS]
    held = [row for row in customers.of_account(account) if not row.is_deleted]
    open_invoices = invoices.every(account, invoices.Filters(status="open"))
    own, foreign = _teams_of(account)
    return Standing(
        running=running,
        unpaid=[row for row in open_invoices if row.amount_remaining > 0],
        disputes=_undecided(account),
        credit=[Money(-row.balance, row.currency) for row in held if row.balance < 0 and row.currency],
        paid_until=max((end for end in ends if end), default=None),
        others=max(teams.count_members(account) - 1, 0),
        joined=foreign,
        owned=own,
    )


def _teams_of(person: Account) -> tuple[list[Account], list[Account]]:
    """The teams that have no other owner than the person, and those they may leave."""
    own: list[Account] = []
    foreign: list[Account] = []
    for held in teams.memberships_of(person):
        owners = [each for each in teams.members(held.team) if each.role == "owner"]
        (own if held.role == "owner" and len(owners) == 1 else foreign).append(held.team)
    return own, foreign


def _undecided(account: Account) -> Sequence[Dispute]:
    query = select(Dispute).join(Customer, Dispute.customer_id == Customer.id).where(Customer.account_id == account.id)
    decided = ("won", "lost", "warning_closed", "prevented")
    return db.session().scalars(query.where(Dispute.status.not_in(decided)).order_by(Dispute.id)).all()


def check(found: Standing, *, writes_off: bool = False) -> None:
    """Raises StillNeeded, InDispute or (unless that is written off) StillUnpaid where the account must stay for now."""
    if found.owned:
        raise StillNeeded(" ".join(map(_cannot_leave, found.owned)))
    if found.disputes:
        raise InDispute(
            _("A payment is in dispute. The account can be deleted once the bank has decided, which may take months.")
        )
    if found.unpaid and not writes_off and all(map(payments.is_under_way, found.unpaid)):
        raise StillUnpaid(_("A bank is still working on a payment. The account can be deleted once that is done."))
    if found.unpaid and not writes_off:
        raise StillUnpaid(
            ngettext(
                "%(count)s invoice is still unpaid. Pay it first, then the account can be deleted.",
                "%(count)s invoices are still unpaid. Pay them first, then the account can be deleted.",
                len(found.unpaid),
            )
        )


def _cannot_leave(team: Account) -> str:
    if teams.count_members(team) == 1:
        return _("Nobody else is in %(team)s. Delete that team first.", team=team.name)
    return _("%(team)s has no other owner. Make somebody else an owner, or delete that team first.", team=team.name)


def planned(account: Account) -> Closure | None:
    """The deletion that is to come, or under way."""
    closure = db.session().get(Closure, account.id)
    return closure if closure is not None and closure.closed_at is None else None
