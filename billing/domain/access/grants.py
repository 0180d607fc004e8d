"""Grants: access that staff give an account without a subscription, and take back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from billing.core import audit, clock, db, pagination
from billing.core.errors import Conflict, Invalid, NotFound
from billing.domain.access import noticing
from billing.domain.access.models import Grant
from billing.domain.accounts.models import Account
from billing.domain.catalog import queries as catalog

PAGE_SIZE = 50
LONGEST_REASON = 1000

_LARGEST_LIMIT = 10**12
_MOST_LIMITS = 20
_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")


@dataclass(frozen=True)
class Terms:
    """What is to be granted: a plan's key ("": none), features and limits beside it, and from when to when."""

    plan: str = ""
    features: Sequence[str] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    starts_at: datetime | None = None
    expires_at: datetime | None = None


def give(account: Account, terms: Terms, *, reason: str, author: str) -> Grant:
    """Grant the account what `terms` say, from `starts_at` (None: now) until `expires_at` (None: until it is revoked).

    Raises Invalid for what cannot be granted, Conflict where the account has just that grant already.
    """
    now = clock.now()
    _check(terms, now)
    reason = _reason(reason)
    values = {
        "plan": terms.plan,
        "features": sorted(set(terms.features)),
        "limits": dict(sorted(terms.limits.items())),
        "expires_at": terms.expires_at,
    }
    session = db.take_turn(f"grants:{account.uid}")
    held = [grant for grant in _of(account) if state_of(grant, now) in ("active", "to come")]
    if any(all(getattr(grant, name) == value for name, value in values.items()) for grant in held):
        raise Conflict("The account has just this grant already.")
    known = noticing.known(session, [account])
    grant = Grant(
        account_id=account.id,
        **values,
        starts_at=max(terms.starts_at or now, now),
        reason=reason,
        author=author,
        created_at=now,
    )
    session.add(grant)
    session.flush()
    audit.record("grant.given", account.uid, actor=author, after=_written(grant), reason=reason)
    noticing.tell(session, known, [account])
    return grant


def revoke(grant_id: int, *, reason: str, author: str, account: Account | None = None) -> Grant:
    """End the grant (of `account`, where one is named) now.

    Raises NotFound for one there is not, Conflict for one that is over, Invalid without a reason.
    """
    reason = _reason(reason)
    query = select(Grant).where(Grant.id == grant_id)
    if account is not None:
        query = query.where(Grant.account_id == account.id)
    found = db.session().scalar(query)
    if found is None:
        raise NotFound("There is no such grant.")
    session = db.take_turn(f"grants:{found.account.uid}")
    grant = session.scalars(query).one()
    now = clock.now()
    if grant.revoked_at is not None:
        raise Conflict("This grant was revoked already.")
    if state_of(grant, now) == "expired":
        raise Conflict("This grant has expired already.")
    owner = grant.account
    known = noticing.known(session, [owner])
    before = _written(grant)
    grant.revoked_at, grant.revoked_by = now, author
    session.flush()
    audit.record("grant.revoked", owner.uid, actor=author, before=before, after={"revoked": "yes"}, reason=reason)
    noticing.tell(session, known, [owner])
    return grant


def state_of(grant: Grant, now: datetime) -> str:
    """Where the grant stands at `now`: "active", "to come", "expired" or "revoked"."""
    if grant.revoked_at is not None:
        return "revoked"
    if grant.expires_at is not None and grant.expires_at <= now:
        return "expired"
    return "active" if grant.starts_at <= now else "to come"


def of_account(account: Account) -> Sequence[Grant]:
    """Every grant the account has or had, newest first."""
    return sorted(_of(account), key=lambda grant: grant.id, reverse=True)


def page(cursor: str | None, *, size: int = PAGE_SIZE) -> pagination.Page[Grant]:
    """A page of everybody's grants, newest first."""
    return pagination.page(db.session(), select(Grant), Grant.created_at, Grant.id, cursor, size=size)


def _of(account: Account) -> Sequence[Grant]:
    return db.session().scalars(select(Grant).where(Grant.account_id == account.id)).all()


def _check(terms: Terms, now: datetime) -> None:
    if not (terms.plan or terms.features or terms.limits):
        raise Invalid("Choose a plan, a feature or a limit to grant.", field="plan")
    if terms.plan and catalog.find_plan(terms.plan) is None:
        raise Invalid(f"There is no plan called {terms.plan}.", field="plan")
    if unknown := sorted(set(terms.features) - catalog.feature_names().keys()):
        raise Invalid(f"There is no feature called {', '.join(unknown)}.", field="features")
    if len(terms.limits) > _MOST_LIMITS or not all(map(_NAME.fullmatch, terms.limits)):
        raise Invalid("A limit has a name of small letters, digits and underscores, such as projects.", field="limits")
    if not all(0 <= number <= _LARGEST_LIMIT for number in terms.limits.values()):
        raise Invalid(f"A limit is a whole number from 0 to {_LARGEST_LIMIT:,}.", field="limits")
    if terms.expires_at is not None and terms.expires_at <= max(terms.starts_at or now, now):
        raise Invalid("The end must lie ahead, and after the start.", field="expires_at")


def _reason(words: str) -> str:
    found = words.strip()
    if not found:
        raise Invalid("Say why, for those who come after you.", field="reason")
    if len(found) > LONGEST_REASON:
        raise Invalid(f"The reason is longer than {LONGEST_REASON:,} characters.", field="reason")
    return found


def _written(grant: Grant) -> dict[str, Any]:
    """The grant in the audit trail."""
    return {
        "grant": grant.id,
        "plan": grant.plan or None,
        "features": ", ".join(grant.features) or None,
        "limits": ", ".join(f"{key} {number}" for key, number in grant.limits.items()) or None,
        "from": f"{grant.starts_at:%Y-%m-%d %H:%M} UTC",
        "until": f"{grant.expires_at:%Y-%m-%d %H:%M} UTC" if grant.expires_at else None,
    }


def read_limits(words: str) -> dict[str, int]:
    """Limits written as "projects=20, seats=5". Raises Invalid."""
    pairs = [pair.partition("=") for pair in words.replace("\n", ",").split(",") if pair.strip()]
    limits: dict[str, int] = {}
    for name, _, number in pairs:
        if not (number.strip().isascii() and number.strip().isdigit() and len(number.strip()) <= 13):
            raise Invalid("Write limits as projects=20, seats=5.", field="limits")
        limits[name.strip()] = int(number)
    return limits
