"""Keeping seats in step: what a team pays for is set at Stripe to the number of its members, and again until it is.

Set, never added to: whoever comes last sets what the members are then, so any number may do it at the same moment, and
looking again after each step lets the last word be right. What is to be looked at stands in a table (`SeatCheck`),
written with the change that calls for it, so that no crash loses it and upkeep goes on where Stripe was away.
"""

from dataclasses import dataclass

from sqlalchemy import delete, select

from billing.core import clock, db
from billing.core.errors import Refusal
from billing.core.logging import get_logger
from billing.core.retries import wait_after
from billing.domain.accounts.models import Account
from billing.domain.teams import seats
from billing.domain.teams.models import SeatCheck
from billing.gateway import subscriptions as gateway
from billing.gateway.errors import StripeUnreachable
from billing.sync import refresh
from billing.sync.processor import MAX_ATTEMPTS

log = get_logger(__name__)

_AT_ONCE = 20
_TRIES = 5


@dataclass(frozen=True)
class _Look:
    """What a look at a team found: the cause of it, and the step that is to be made, if one is."""

    cause: str
    step: seats.Step | None


def settle_after_commit(team: Account) -> None:
    """Bring the team's seats in step once the current edge has committed."""
    team_id = team.id
    db.on_commit(lambda: settle(team_id))


def settle_due() -> int:
    """Bring in step what is due; how many teams were looked at. Call it as often as you like, from any host."""
    with db.edge() as session:
        is_due = select(SeatCheck.team_id).where(SeatCheck.next_try_at <= clock.now())
        due = session.scalars(is_due.order_by(SeatCheck.next_try_at).limit(_AT_ONCE)).all()
    for team_id in due:
        settle(team_id)
    return len(due)


def settle(team_id: int) -> None:
    """Bring the seats of the team in step, if they are to be looked at; what goes wrong is written down for upkeep."""
    for _try in range(_TRIES):
        look = _look(team_id)
        if look is None:
            return
        if look.step is None:
            if _is_seen_to(team_id, look.cause):
                return
            continue
        try:
            done = gateway.set_quantity(look.step.subscription, look.step.item, look.step.used)
            with db.edge():
                refresh.take_in(done)
        except Exception as error:  # whatever went wrong must not fail the change that called for it, and must be known
            _write_down(team_id, look.cause, error)
            return
        log.info("seats_set", account=team_id, subscription=look.step.subscription, quantity=look.step.used)


def _look(team_id: int) -> _Look | None:
    with db.edge() as session:
        check = session.get(SeatCheck, team_id)
        if check is None:
            return None
        return _Look(check.cause, seats.step(session.get_one(Account, team_id)))


def _is_seen_to(team_id: int, cause: str) -> bool:
    """Let go of the check; False if there was another cause meanwhile, which is to be looked at first."""
    with db.edge():
        session = db.begin_write()
        seen = delete(SeatCheck).where(SeatCheck.team_id == team_id, SeatCheck.cause == cause)
        session.execute(seen)
        return session.get(SeatCheck, team_id) is None


def _write_down(team_id: int, cause: str, error: Exception) -> None:
    log.error("seats_failed", account=team_id, error=repr(error))
    with db.edge():
        check = db.begin_write().get(SeatCheck, team_id, with_for_update=True)
        if check is None or check.cause != cause:
            return
        check.attempts += 1
        check.error = repr(error)
        is_hopeless = isinstance(error, Refusal) and not isinstance(error, StripeUnreachable)
        gave_up = is_hopeless or check.attempts >= MAX_ATTEMPTS
        check.next_try_at = None if gave_up else clock.now() + wait_after(check.attempts)
        db.session().flush()
