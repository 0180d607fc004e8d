"""What rows came to the last time: gates ask with each request, but an account's rows change about once a month.

The rows themselves are always read. Only where they say the same as before, and time has changed nothing since, is
what was concluded from them said again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask import current_app

from billing.core import db
from billing.domain.access.answer import Access
from billing.domain.access.findings import Finding, Read
from billing.domain.access.policy import OPEN_STATUSES

_EXTENSION = "billing.access_concluded"
MOST = 10_000
"""Accounts that are kept in a process; then it begins anew."""


class Concluded(NamedTuple):
    """What an account may use, and the version of the policy that this rests on."""

    access: Access
    version: int


class _Kept(NamedTuple):
    fetched: Sequence[Any]
    since: datetime
    until: datetime | None
    came: Concluded


def before(account_id: int, read: Read) -> Concluded | None:
    """What was concluded from the same rows about the account before, if that still holds."""
    kept = _all().get(account_id)
    if kept is None or kept.fetched != read.fetched:
        return None
    still_holds = kept.since <= read.at and (kept.until is None or read.at < kept.until)
    return kept.came if still_holds and not db.is_writing() else None


def keep(account_id: int, read: Read, found: Sequence[Finding], came: Concluded) -> None:
    """Keep what the account's rows came to, unless that rests on more than them, or they may yet be rolled back.

    The grace of somebody who owes money may count from the moment of asking.
    """
    if db.is_writing() or any(one.source.facts and one.source.facts.status not in OPEN_STATUSES for one in found):
        return
    known = _all()
    if len(known) >= MOST:
        known.clear()
    ends = [came.access.changes_at, *(allowance.ends_at for allowance in came.access.allowances.values())]
    known[account_id] = _Kept(read.fetched, read.at, min((end for end in ends if end is not None), default=None), came)


def _all() -> dict[int, _Kept]:
    known: dict[int, _Kept] = current_app.extensions.setdefault(_EXTENSION, {})
    return known
