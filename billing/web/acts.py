"""What the pages of acts on a subscription have in common: whose it is, and taking in what an act brought about."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from billing.core import ratelimit
from billing.core.errors import Conflict, NotFound
from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.subscriptions import queries as subscriptions
from billing.domain.subscriptions.models import Subscription
from billing.gateway.errors import StripeRefused
from billing.sync import refresh
from billing.sync.noun import refs

_LIMIT = "20 per minute"


def own(account: Account, stripe_id: str) -> Subscription:
    """The account's subscription of that Stripe id. Raises NotFound, also when it is somebody else's."""
    found = subscriptions.find(account, stripe_id)
    if found is None:
        raise NotFound(_("You have no such subscription."))
    return found


def perform(account: Account, row: Subscription, act: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Do `act`, which answers the subscription as Stripe has it then, and write what it brought about.

    None where the state of things no longer allows it: that is said, and the tables are brought up to date.
    """
    ratelimit.hit("subscriptions", account.uid, _LIMIT)
    # The act may let go of these.
    besides = refs("subscription_schedule", row.schedule) + refs("invoice", row.latest_invoice)
    try:
        done = act()
    except (Conflict, StripeRefused) as refusal:
        words = refusal.message if isinstance(refusal, Conflict) else _("That was not possible any more.")
        refresh.catch_up(account)
        flash(words, "error")
        return None
    refresh.take_in(done, *besides)
    return done


def to_overview() -> ResponseReturnValue:
    """On to the billing page."""
    return redirect(url_for("billing.overview"), 303)
