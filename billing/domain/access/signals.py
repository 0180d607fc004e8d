"""What host apps may listen to about access. Sent after the commit of the change they speak of, at most once each.

`access_changed` tells every change; the others are the turns that are worth a name, sent beside it.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from billing.core.signals import announce, declare
from billing.domain.access.answer import Access, GrantedPlan
from billing.domain.accounts.models import Account


@dataclass(frozen=True)
class AccessChange:
    """An account's access differs from what it was: `account_key` is the host's own key for the account."""

    account_key: str
    before: Access
    after: Access

    def to_json(self) -> dict[str, Any]:
        return {"account_key": self.account_key, "before": self.before.to_json(), "after": self.after.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(data["account_key"], Access.from_json(data["before"]), Access.from_json(data["after"]))


@dataclass(frozen=True)
class AccessGranted(AccessChange):
    """A subscription, or staff, lets the account in, and nothing did before."""


@dataclass(frozen=True)
class AccessRevoked(AccessChange):
    """Nothing lets the account in any more; what everybody has, it keeps."""


@dataclass(frozen=True)
class GraceStarted:
    """A payment failed: as things stand, access ends at `until` (None: it does not end by itself)."""

    account_key: str
    until: datetime | None

    def to_json(self) -> dict[str, Any]:
        return {"account_key": self.account_key, "until": self.until.isoformat() if self.until else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(data["account_key"], datetime.fromisoformat(data["until"]) if data["until"] else None)


@dataclass(frozen=True)
class PlanChanged:
    """The account is on another plan, the one everybody has included; None where there is none."""

    account_key: str
    before: GrantedPlan | None
    after: GrantedPlan | None

    def to_json(self) -> dict[str, Any]:
        plans = {"before": self.before, "after": self.after}
        return {"account_key": self.account_key} | {name: plan and asdict(plan) for name, plan in plans.items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        before, after = (GrantedPlan(**data[name]) if data[name] else None for name in ("before", "after"))
        return cls(data["account_key"], before, after)


_changed = declare(
    "access-changed", "Sent with an AccessChange as `event`.", AccessChange.to_json, AccessChange.from_json
)
_granted = declare(
    "access-granted", "Sent with an AccessGranted as `event`.", AccessGranted.to_json, AccessGranted.from_json
)
_revoked = declare(
    "access-revoked", "Sent with an AccessRevoked as `event`.", AccessRevoked.to_json, AccessRevoked.from_json
)
_grace = declare("grace-started", "Sent with a GraceStarted as `event`.", GraceStarted.to_json, GraceStarted.from_json)
_plan = declare("plan-changed", "Sent with a PlanChanged as `event`.", PlanChanged.to_json, PlanChanged.from_json)

access_changed = _changed.signal
access_granted = _granted.signal
access_revoked = _revoked.signal
grace_started = _grace.signal
plan_changed = _plan.signal


def tell(account: Account, number: int, before: Access, after: Access) -> None:
    """Announce the account's change of that number, each kind of signal it is, once the edge has committed."""
    about = f"{account.uid}:{number}"
    announce(_changed, about, AccessChange(account.key, before, after), subject=account.uid)
    if after.has_subscription and not before.has_subscription:
        announce(_granted, about, AccessGranted(account.key, before, after), subject=account.uid)
    if before.has_subscription and not after.has_subscription:
        announce(_revoked, about, AccessRevoked(account.key, before, after), subject=account.uid)
    if _is_grace(after) and not _is_grace(before):
        announce(_grace, about, GraceStarted(account.key, after.until), subject=account.uid)
    if (before.plan and before.plan.key) != (after.plan and after.plan.key):
        announce(_plan, about, PlanChanged(account.key, before.plan, after.plan), subject=account.uid)


def _is_grace(access: Access) -> bool:
    return any(reason.code == "payment_failed_grace" for reason in access.reasons)
