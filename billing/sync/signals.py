"""What host apps may listen to. Sent after the commit of the change they speak of, at most once each."""

from dataclasses import asdict, dataclass
from typing import Any

from billing.core.signals import declare
from billing.domain.access.service import Access


@dataclass(frozen=True)
class AccessChange:
    """An account's access differs from what it was: `account_key` is the host's own key for the account."""

    account_key: str
    before: Access
    after: Access

    def to_json(self) -> dict[str, Any]:
        return {"account_key": self.account_key, "before": self.before.to_json(), "after": self.after.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "AccessChange":
        return cls(data["account_key"], Access.from_json(data["before"]), Access.from_json(data["after"]))


@dataclass(frozen=True)
class EventParked:
    """An event was given up after its last try; somebody must look."""

    event: str
    type: str
    error: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "EventParked":
        return cls(**data)


announced_access_change = declare(
    "access-changed", "Sent with an AccessChange as `event`.", AccessChange.to_json, AccessChange.from_json
)
announced_event_parked = declare(
    "event-parked", "Sent with an EventParked as `event`.", EventParked.to_json, EventParked.from_json
)
access_changed = announced_access_change.signal
event_parked = announced_event_parked.signal
