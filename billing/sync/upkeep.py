"""What is due besides deliveries: what a failure or a crash left, changes to tell, mails, Stripe's list of events."""

from billing.core import effects
from billing.core.errors import Refusal
from billing.core.logging import get_logger
from billing.domain.access import noticing
from billing.notifications import post, watch
from billing.sync import closing, processor, push, seats, tail

log = get_logger(__name__)


def look() -> int:
    """Do what is due; how many events that were. Call it every few seconds or minutes, from any number of hosts."""
    try:
        tail.read_if_due()
    except Refusal:  # Stripe is away, or the key may not list events: the next hour's look begins where this one did
        log.exception("tail_failed")
    tried = processor.process_due()  # what was just read as well
    noticing.notice_due()
    watch.look_if_due()
    effects.carry_out_due()
    post.send_due()
    push.push_due()
    seats.settle_due()
    closing.close_due()
    return tried
