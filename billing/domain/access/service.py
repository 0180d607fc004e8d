"""`access_for`: what an account may use now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from types import MappingProxyType
from typing import Any

from billing.core import db
from billing.domain.access import concluded
from billing.domain.access import findings as reading
from billing.domain.access.answer import NOTHING, Access, Allowance, Reason
from billing.domain.access.concluded import Concluded
from billing.domain.access.findings import Finding, Period
from billing.domain.access.rules import ORDER, State
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account

_STRANGER = Access("none", None, frozenset(), NOTHING, None, (Reason("not_signed_in"),))
_POLICY = "access_policy"


def access_for(account: Account | str | None) -> Access:
    """What `account` (or the host's key for it; None: a stranger) may use, from one indexed query, once a request."""
    if account is None:
        return _STRANGER
    if not isinstance(account, str):
        cache = db.read_cache()
        return cache.get(("access", account.id)) or _access_of(account.id, cache)
    found = accounts.find(account)
    return access_for(found) if found else Access("none", None, frozenset(), NOTHING, None, (Reason("no_account"),))


def access_for_all(accounts: Sequence[Account]) -> dict[int, Access]:
    """What each of the accounts may use, by row id; one query however many they are."""
    cache = db.read_cache()
    missing = [account.id for account in accounts if ("access", account.id) not in cache]
    if len(missing) == 1:
        _access_of(missing[0], cache)
    elif missing:
        found = reading.find(missing)
        cache.update({("access", key): conclude(own, found.at) for key, own in found.by_account.items()})
        cache[_POLICY] = found.version
    return {account.id: cache["access", account.id] for account in accounts}


def _access_of(account_id: int, cache: dict[object, Any]) -> Access:
    read = reading.read([account_id])
    came = concluded.before(account_id, read)
    if came is None:
        found = reading.judge_all([account_id], read)
        own = found.by_account[account_id]
        came = Concluded(conclude(own, found.at), found.version)
        concluded.keep(account_id, read, own, came)
    cache["access", account_id], cache[_POLICY] = came
    return came.access


def forget() -> None:
    """Work out anew what anybody may use: rows have changed in this transaction."""
    cache = db.read_cache()
    for key in [key for key in cache if isinstance(key, tuple) and key[0] == "access"]:
        del cache[key]


def policy_version() -> int:
    """The version of the policy that the access worked out last in this transaction rests on."""
    version: int = db.read_cache()[_POLICY]
    return version


def conclude(found: Sequence[Finding], now: datetime) -> Access:
    """What all of an account's findings come to: the best state, and the features and limits of all that grants."""
    general = [one for one in found if one.is_general]
    state: State = min((one.decision.state for one in general), key=ORDER.index, default="none")
    deciding = [one for one in general if one.decision.state == state]
    granted = [one for one in general if one.decision.grants]
    plans = [one.source.offer.plan for one in granted if one.source.offer]
    everybodys = [one.source.offer.plan for one in found if one.source.kind == "default_plan" and one.source.offer]
    ends = [one.decision.until for one in deciding]
    known_ends = [end for end in ends if end is not None]
    return Access(
        state=state,
        plan=max(plans or everybodys, key=lambda plan: plan.rank, default=None),
        features=frozenset(key for one in found for key in one.source.offered if is_open(one, key)),
        limits=MappingProxyType(_limits(found)),
        until=max(known_ends) if known_ends and len(known_ends) == len(ends) else None,
        reasons=tuple(dict.fromkeys(_reason(one) for one in deciding)) or (Reason("no_subscription"),),
        allowances=MappingProxyType(_allowances(found, now)),
        changes_at=min(chain.from_iterable(one.turns_at for one in found), default=None),
    )


def is_open(finding: Finding, key: str) -> bool:
    """Whether the finding lets the account use the feature, limit or allowance of that key."""
    return finding.source.kind == "default_plan" or finding.of(key).grants


def _reason(finding: Finding) -> Reason:
    source = finding.source
    if source.kind == "grant":
        return Reason(finding.decision.reason, grant=int(source.id))
    return Reason(finding.decision.reason, source.id)


def _limits(found: Sequence[Finding]) -> dict[str, int]:
    """The largest of each limit."""
    limits: dict[str, int] = {}
    for one in found:
        for key, number in one.source.limits.items():
            if is_open(one, key):
                limits[key] = max(number, limits.get(key, number))
    return limits


def _allowances(found: Sequence[Finding], now: datetime) -> dict[str, Allowance]:
    """The largest of each allowance, with the period it counts in now."""
    allowances: dict[str, Allowance] = {}
    for one in found:
        for key, given in (one.source.offer.allowances if one.source.offer else NOTHING).items():
            if is_open(one, key) and given["amount"] > (allowances[key].amount if key in allowances else -1):
                allowances[key] = _allowance(given["amount"], given["per"], one.source.period, now)
    return allowances


def _allowance(amount: int, per: str, period: Period | None, now: datetime) -> Allowance:
    if per == "period" and period is not None:
        if period.end is not None and period.end <= now:  # it has been renewed, and Stripe's event has not come yet
            return Allowance(amount, "period", period.end, None)
        return Allowance(amount, "period", period.start, period.end)
    start = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    next_year, next_month = divmod(start.month, 12)
    return Allowance(amount, "month", start, start.replace(year=start.year + next_year, month=next_month + 1))
