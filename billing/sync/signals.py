"""What host apps may listen to. Sent after the commit of the change they speak of, at most once each."""

from dataclasses import asdict, dataclass
from typing import Any

from billing.core.signals import declare


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


@dataclass(frozen=True)
class AccountDeleted:
    """An account was deleted here. `account_key` is the host's own key for it: the host deletes its person now."""

    account_key: str
    uid: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "AccountDeleted":
        return cls(**data)


announced_account_deleted = declare(
    "account-deleted", "Sent with an AccountDeleted as `event`.", AccountDeleted.to_json, AccountDeleted.from_json
)
account_deleted = announced_account_deleted.signal
announced_event_parked = declare(
    "event-parked", "Sent with an EventParked as `event`.", EventParked.to_json, EventParked.from_json
)
event_parked = announced_event_parked.signal
