"""`flask billing subscriptions …`: what is done about one subscription by hand."""

from datetime import datetime, timedelta

import click
from flask.cli import AppGroup

from billing.cli.billing import as_json, billing
from billing.cli.output import refusing_in_words, say, say_json
from billing.core import db
from billing.core.errors import NotFound
from billing.domain.subscriptions import queries
from billing.sync import trials


@billing.group("subscriptions", cls=AppGroup)
def subscriptions() -> None:
    """One subscription, by its Stripe id."""


@subscriptions.command("extend-trial")
@click.argument("stripe_id", metavar="SUBSCRIPTION")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The day the trial ends, as year-month-day.")
@click.option("--days", type=click.IntRange(1, 730), help="How many days longer it lasts.")
@click.option("--reason", required=True, help="Why: kept in the audit trail.")
@as_json
@refusing_in_words
def extend_trial(*, stripe_id: str, until: datetime | None, days: int | None, reason: str, as_json: bool) -> None:
    """Make the trial of SUBSCRIPTION (sub_…) longer, to a day or by days; nothing is charged for it."""
    if (until is None) == (days is None):
        raise click.UsageError("Give either --until or --days.")
    with db.edge():
        last_day = until or _present_end(stripe_id) + timedelta(days=days or 0)
        was, ends_at = trials.extend(stripe_id, last_day.date(), actor="command", reason=reason)
    if as_json:
        say_json({"subscription": stripe_id, "was": was.isoformat(), "trial_end": ends_at.isoformat()})
    else:
        say(f"The trial of {stripe_id} lasts until {ends_at:%Y-%m-%d %H:%M} UTC; it was to end on {was:%Y-%m-%d}.")


def _present_end(stripe_id: str) -> datetime:
    row = queries.find_any(stripe_id)
    if row is None or row.trial_end is None:
        raise NotFound(f"There is no subscription {stripe_id} with a trial.")
    return row.trial_end
