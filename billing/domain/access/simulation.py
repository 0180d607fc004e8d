"""What another policy would give and take today, account by account, without changing anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from billing.core import clock, db, settings
from billing.domain.access import findings as reading
from billing.domain.access import policy_rows, service
from billing.domain.access.answer import Access
from billing.domain.access.findings import Finding, judge
from billing.domain.access.policy import Policy
from billing.domain.accounts.models import Account
from billing.domain.customers.models import Customer
from billing.domain.subscriptions.models import Subscription

_AT_ONCE = 500


@dataclass(frozen=True)
class Effect:
    """An account whose access would be another one; it may gain one thing and lose another."""

    account: Account
    before: Access
    after: Access

    @property
    def gains(self) -> list[str]:
        """What it would have more, in words."""
        return _more(self.before, self.after, "{less} → {more}")

    @property
    def loses(self) -> list[str]:
        """What it would have no more, in words."""
        return _more(self.after, self.before, "{more} → {less}")


def simulate(draft: Policy) -> Iterator[Effect]:
    """Each account whose access `draft` would change now, the oldest first; some hundred are in memory at a time."""
    now = clock.now()
    concerned = _concerned(policy_rows.current()[1], draft)
    if concerned is None:
        return
    last = 0
    while True:
        ids = select(Customer.account_id).join(Subscription, Subscription.customer_id == Customer.id)
        ids = ids.where(Customer.account_id > last, concerned).distinct().order_by(Customer.account_id)
        query = select(Account).where(Account.id.in_(db.session().scalars(ids.limit(_AT_ONCE)).all()))
        accounts = db.session().scalars(query.order_by(Account.id)).all()
        if not accounts:
            return
        found = reading.find([account.id for account in accounts])
        for account in accounts:
            own = found.by_account[account.id]
            before = service.conclude(own, now)
            after = service.conclude([_again(one, draft, now) for one in own], now)
            if not after.is_worth(before):
                yield Effect(account, before, after)
        last = accounts[-1].id


def _again(finding: Finding, draft: Policy, now: datetime) -> Finding:
    return judge(finding.source, draft, now) if finding.source.kind == "subscription" else finding


def _concerned(current: Policy, draft: Policy) -> ColumnElement[bool] | None:
    """Whether a subscription is in a status the draft has other rules about; None where there is no such status."""
    differing = {key.status for key, _ in current.rules.items() ^ draft.rules.items()}
    if not differing:
        return None
    is_one: ColumnElement[bool] = Subscription.status.in_(differing)
    if "canceled" in differing:  # one whose end has passed counts as canceled before Stripe says so
        is_one = or_(is_one, Subscription.cancel_at.is_not(None), Subscription.cancel_at_period_end)
    return and_(Subscription.livemode == settings.current().livemode, is_one)


def _more(less: Access, more: Access, change: str) -> list[str]:
    """What `more` has beyond `less`, each with the change from what is there to what would be."""

    def said(few: object, many: object) -> str:
        return change.format(less=few, more=many)

    found = [f"access ({said(less.state, more.state)})"] if more.has_subscription and not less.has_subscription else []
    found += sorted(more.features - less.features)
    found += [
        f"{key} {said(f'{less.limits.get(key, 0):,}', f'{number:,}')}"
        for key, number in more.limits.items()
        if number > less.limits.get(key, 0)
    ]
    for key, given in more.allowances.items():
        had = less.allowances[key].amount if key in less.allowances else 0
        if given.amount > had:
            found.append(f"{key} {said(f'{had:,}', f'{given.amount:,}')} a {given.per}")
    return found
