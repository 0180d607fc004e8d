"""What an account may use, as a value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Self

from billing.domain.access.rules import GRANTING, State

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class GrantedPlan:
    """The plan an account is on."""

    key: str
    name: str
    rank: int


@dataclass(frozen=True)
class Allowance:
    """So much in each period; this one began at `starts_at` and ends at `ends_at`, if that is known already."""

    amount: int
    per: Literal["period", "month"]
    starts_at: datetime
    ends_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        ends_at = self.ends_at.isoformat() if self.ends_at else None
        return {"amount": self.amount, "per": self.per, "starts_at": self.starts_at.isoformat(), "ends_at": ends_at}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(data["amount"], data["per"], datetime.fromisoformat(data["starts_at"]), _moment(data["ends_at"]))


@dataclass(frozen=True)
class Reason:
    """Why: the rule that fired (a stable code), and the subscription's Stripe id or the grant's number it was about."""

    code: str
    subscription: str | None = None
    grant: int | None = None


@dataclass(frozen=True)
class Access:
    """What an account may use now. `until` is when the state changes by itself as things stand, if it does.

    `plan` is the plan that is paid for or granted, or the default plan; what the default plan has is everybody's.
    `changes_at` is when time alone changes any of this: whoever keeps a copy may keep it until then, or until told.
    """

    state: State
    plan: GrantedPlan | None
    features: frozenset[str]
    limits: Mapping[str, int]
    until: datetime | None
    reasons: tuple[Reason, ...]
    allowances: Mapping[str, Allowance] = field(default_factory=lambda: NOTHING)
    changes_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return {
            "state": self.state,
            "plan": asdict(self.plan) if self.plan else None,
            "features": sorted(self.features),
            "limits": dict(self.limits),
            "allowances": {key: allowance.to_json() for key, allowance in self.allowances.items()},
            "until": self.until.isoformat() if self.until else None,
            "changes_at": self.changes_at.isoformat() if self.changes_at else None,
            "reasons": [asdict(reason) for reason in self.reasons],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """What `to_json` wrote, of an earlier release too."""
        allowances = data.get("allowances", {}).items()
        return cls(
            state=data["state"],
            plan=GrantedPlan(**data["plan"]) if data["plan"] else None,
            features=frozenset(data["features"]),
            limits=MappingProxyType(data["limits"]),
            until=_moment(data["until"]),
            reasons=tuple(Reason(**reason) for reason in data["reasons"]),
            allowances=MappingProxyType({key: Allowance.from_json(value) for key, value in allowances}),
            changes_at=_moment(data.get("changes_at")),
        )

    @property
    def has_subscription(self) -> bool:
        """Whether a subscription (active, on trial, in the days of grace), or staff in place of one, lets in."""
        return self.state in GRANTING

    def has_feature(self, key: str) -> bool:
        """Whether the feature of that key is granted."""
        return key in self.features

    def is_worth(self, other: Self) -> bool:
        """Whether it gives the same as `other`: dates and reasons apart."""
        return self._gives() == other._gives()

    def _gives(self) -> tuple[object, ...]:
        allowances = {key: (allowance.amount, allowance.per) for key, allowance in self.allowances.items()}
        return self.state, self.plan, self.features, dict(self.limits), allowances


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
