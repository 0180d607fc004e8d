"""Seats: how many members a team pays for, and how many it has.

A plan sold by the seat (`per_seat` in the catalog) costs its price once for each member. BILLING_SEATS says what goes
by what: with "follow" the quantity at Stripe is set to the number of members, whatever it was; with "fixed" nobody
joins beyond what was bought. Without such a plan the limit `seats` of what is granted says how many may belong to the
team. Invitations cost nothing until they are accepted; they hold a seat only where their number is limited.
"""

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from billing.core import clock, db, settings
from billing.core.errors import Conflict
from billing.core.i18n import N_, ngettext
from billing.domain.accounts.models import Account
from billing.domain.catalog.models import Plan, Price
from billing.domain.customers.models import Customer
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import Subscription, SubscriptionItem
from billing.domain.teams import queries
from billing.domain.teams.models import SeatCheck

_CHANGEABLE = ("active", "trialing", "past_due")
"""The statuses in which the quantity is kept in step; after others it is once the subscription is in one of these."""


class SeatsTaken(Conflict):
    """All seats that were bought are taken or promised."""

    code, title = "seats_taken", N_("All seats are taken")

    def __init__(self, bought: int) -> None:
        super().__init__(
            ngettext(
                "The plan has %(count)s seat, and it is taken. Buy another one first, or take an invitation back.",
                "The plan has %(count)s seats, and all are taken. Buy more first, or take an invitation back.",
                bought,
            )
        )


@dataclass(frozen=True)
class Step:
    """What brings a team's seats in step: the subscription's item (Stripe ids), what it has, what it should have."""

    subscription: str
    item: str
    bought: int
    used: int


def bought(team: Account) -> int | None:
    """How many seats the team pays for; None where its plan, if it has one, is not sold by the seat."""
    item = _item_of(team)
    return _quantity(item) if item else None


def wanted(account: Account, price: Price) -> int:
    """How many of the price the account is to buy: a seat for each member, or one."""
    return queries.count_members(account) if account.kind == "team" and price.plan.is_per_seat else 1


def follows() -> bool:
    """Whether the quantity follows the number of members."""
    return settings.current().billing_seats == "follow"


def most(team: Account, allowed: int | None) -> int | None:
    """How many may belong to the team; None where nothing limits that.

    `allowed` is the account's limit of `seats`, if it has one; where seats are fixed too, the larger number counts.
    """
    has = bought(team)
    if has is not None and follows():
        return None
    return max((number for number in (has, allowed) if number is not None), default=None)


def check_free(team: Account, *, joining: int, allowed: int | None) -> None:
    """Raise SeatsTaken where so many more than the members there are would be more than there may be."""
    number = most(team, allowed)
    if number is not None and queries.count_members(team) + joining > number:
        raise SeatsTaken(number)


def compare(team: Account) -> Step | None:
    """How what the team pays for differs from what it has, as the local tables know; None where it does not."""
    item = _item_of(team)
    if item is None or item.subscription.status not in _CHANGEABLE:
        return None
    used = queries.count_members(team)
    if used in (0, _quantity(item)):
        return None
    return Step(item.subscription.stripe_id, item.stripe_id, _quantity(item), used)


def step(team: Account) -> Step | None:
    """What is to be set at Stripe so that the team pays for as many as it has; None where nothing is."""
    return compare(team) if follows() else None


def teams_with_seats() -> Select[Account]:
    """The teams that have, or had, a subscription sold by the seat."""
    has_seats = (
        select(Customer.account_id)
        .join(Subscription, Subscription.customer_id == Customer.id)
        .join(Subscription.items)
        .join(SubscriptionItem.price)
        .join(Price.plan)
        .where(Plan.is_per_seat, Subscription.livemode == settings.current().livemode)
    )
    return select(Account).where(Account.kind == "team", Account.id.in_(has_seats)).order_by(Account.id)


def trouble(team: Account) -> str | None:
    """Why the team's seats could not be set when that was tried last, or None."""
    return db.session().scalar(select(SeatCheck.error).where(SeatCheck.team_id == team.id))


def mark(session: Session, team: Account) -> None:
    """Note that the team's seats are to be looked at, in the transaction of what calls for it."""
    values = {"cause": uuid4().hex, "attempts": 0, "next_try_at": clock.now(), "error": None}
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    noted = insert(SeatCheck).values(team_id=team.id, **values)
    session.execute(noted.on_conflict_do_update(index_elements=["team_id"], set_=values))


def _item_of(team: Account) -> SubscriptionItem | None:
    items = (item for held in subscriptions.of_account(team) if held.is_live for item in held.items)
    return next((item for item in items if item.price and item.price.plan.is_per_seat), None)


def _quantity(item: SubscriptionItem) -> int:
    return 1 if item.quantity is None else item.quantity
