"""What host apps may listen to. Sent after the commit of the change they speak of."""

from dataclasses import dataclass, field

from blinker import Namespace

from billing.core import logging
from billing.domain.access.service import Access

_signals = Namespace()


@dataclass(frozen=True)
class AccessChange:
    """An account's access differs from what it was: `account_key` is the host's own key for the account.

    `request_ids` are those of the requests that brought it about, as the logs have them: the deliveries of the events.
    """

    account_key: str
    before: Access
    after: Access
    request_ids: tuple[str, ...] = field(default_factory=logging.request_ids, compare=False)


@dataclass(frozen=True)
class EventParked:
    """An event was given up after its last try; somebody must look."""

    event: str
    type: str
    error: str
    request_ids: tuple[str, ...] = field(default_factory=logging.request_ids, compare=False)


access_changed = _signals.signal("access-changed", doc="Sent with an AccessChange as `event`.")
event_parked = _signals.signal("event-parked", doc="Sent with an EventParked as `event`.")
