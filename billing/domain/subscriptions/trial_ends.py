"""Moving the end of a trial: what staff may do for somebody who needs longer to decide."""

from datetime import datetime, timedelta
from typing import Any

from billing.core import clock
from billing.core.clock import from_timestamp
from billing.core.errors import Conflict, Invalid
from billing.core.logging import get_logger
from billing.domain.subscriptions.ending import retrieve_live
from billing.gateway import subscriptions as gateway

log = get_logger(__name__)

LONGEST = timedelta(days=730)


class NotOnTrial(Conflict):
    """The subscription's trial is over, or it never had one."""

    code, title = "not_on_trial", "Not on trial"


def extend(stripe_id: str, until: datetime) -> tuple[datetime, dict[str, Any]]:
    """Let the trial last `until` then: when it was to end, and what Stripe has of it now. Once is as good as twice.

    Raises Over, NotOnTrial, and Invalid for a time that is not later, or later than two years from now.
    """
    held = retrieve_live(stripe_id)
    ends_at = from_timestamp(held["trial_end"])
    if held["status"] != "trialing" or ends_at is None:
        raise NotOnTrial("This subscription is not on trial, so there is no trial to extend.")
    if int(until.timestamp()) == held["trial_end"]:
        return ends_at, held
    if until < ends_at:
        raise Invalid(f"The trial runs until {ends_at:%Y-%m-%d} already. Choose a later day.", field="until")
    if until > clock.now() + LONGEST:
        raise Invalid("A trial cannot last longer than two years from today.", field="until")
    extended = gateway.set_trial_end(stripe_id, int(until.timestamp()))
    log.info("trial_extended", subscription=stripe_id, until=until.isoformat())
    return ends_at, extended
