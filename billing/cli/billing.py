"""`flask billing …`: what the operator of a deployment does."""

import click
from flask.cli import AppGroup
from rich.markup import escape

from billing.cli.output import counted, refusing_in_words, say, say_json, say_table
from billing.core import db, migrate, settings
from billing.domain import portal
from billing.domain.access import policy_rows
from billing.domain.catalog import queries as catalog_queries
from billing.domain.catalog import service as catalog
from billing.domain.catalog.changes import Change
from billing.gateway import webhooks
from billing.gateway.client import API_VERSION
from billing.sync import processor, work
from billing.sync.routes import EVENTS, THIN_EVENTS

billing = AppGroup("billing", help="Billing: database, catalog, portal, webhooks.")

_SIGNS = {"create": "+", "attach": "+", "update": "~", "replace": "~", "archive": "-", "detach": "-"}
_COLORS = {"+": "green", "~": "yellow", "-": "red"}

as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@billing.group("db", cls=AppGroup)
def database() -> None:
    """The database's tables."""


@database.command("upgrade")
@refusing_in_words
def upgrade() -> None:
    """Bring the billing tables to the newest shape."""
    changed = migrate.upgrade(db.engine(), migrate.followed())
    say("The billing tables are now in their newest shape." if changed else "The billing tables are up to date.")


@billing.group("catalog", cls=AppGroup)
def catalog_group() -> None:
    """The plans, prices and features in BILLING_CATALOG, and what Stripe has of them."""


@catalog_group.command("show")
@as_json
@refusing_in_words
def show(*, as_json: bool) -> None:
    """Show what is on sale, from the local tables."""
    with db.edge():
        plans = catalog_queries.plans_for_sale()
        if as_json:
            say_json(
                [
                    {
                        "key": plan.key,
                        "name": plan.name,
                        "features": [feature.key for feature in plan.features],
                        "limits": plan.limits,
                        "prices": [
                            {
                                "lookup_key": price.lookup_key,
                                "unit_amount": price.unit_amount,
                                "currency": price.currency,
                                "interval": price.interval,
                                "trial_days": price.trial_days,
                            }
                            for price in plan.prices
                            if price.is_active
                        ],
                    }
                    for plan in plans
                ]
            )
            return
        say_table(
            ["Plan", "Prices", "Features", "Limits"],
            [
                (
                    plan.name,
                    "\n".join(
                        f"{price.money.format()} per {price.interval}  {price.lookup_key}"
                        for price in plan.prices
                        if price.is_active
                    )
                    or "free",
                    ", ".join(feature.key for feature in plan.features),
                    ", ".join(f"{name} {number}" for name, number in plan.limits.items()),
                )
                for plan in plans
            ],
        )


@catalog_group.command("apply")
@click.option("--yes", is_flag=True, help="Do not ask before changing anything.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@as_json
@refusing_in_words
def apply(*, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Bring Stripe in line with the catalog file, showing first what changes. Amounts are never edited in place."""
    with db.edge():
        changes = catalog.preview()
        if not as_json:
            _say_changes(changes)
        may = bool(changes) and not dry_run
        if may and not yes and not as_json:
            may = click.confirm(f"Make these changes in Stripe ({settings.current().mode})?")
        if may and as_json and not yes:
            raise click.UsageError("--json cannot ask: add --yes or --dry-run")
        if may:
            catalog.apply(changes)
        elif not dry_run:
            catalog.refresh()
        if not dry_run:
            policy_rows.bump()
        if as_json:
            say_json({"applied": may, "changes": [_as_dict(change) for change in changes]})
        elif may:
            say(f"Done: {len(changes)} changes. The local catalog says the same.")


def _say_changes(changes: list[Change]) -> None:
    if not changes:
        say("Stripe holds what the catalog file says. Nothing to change.")
    for change in changes:
        sign = _SIGNS[change.verb]
        say(f"[{_COLORS[sign]}]{sign}[/] {change.noun:8} [bold]{change.key}[/]  {escape(change.detail)}")


def _as_dict(change: Change) -> dict[str, str | None]:
    return {
        "verb": change.verb,
        "noun": change.noun,
        "key": change.key,
        "detail": change.detail,
        "target": change.target,
    }


@billing.group("portal", cls=AppGroup)
def portal_group() -> None:
    """Stripe's Customer Portal."""


@portal_group.command("configure")
@as_json
@refusing_in_words
def configure(*, as_json: bool) -> None:
    """Create or update the portal configuration from what is on sale."""
    with db.edge():
        made = portal.configure(settings.current().base_url)
    if as_json:
        say_json({"configuration": made})
    else:
        say(f"The portal is configured: [bold]{made}[/]")
        say("Put STRIPE_PORTAL_CONFIGURATION in the settings to save one call at each visit.")


@billing.group("webhooks", cls=AppGroup)
def webhooks_group() -> None:
    """Where Stripe sends its events, and what has arrived."""


@webhooks_group.command("create-endpoint")
@click.argument("url")
@as_json
@refusing_in_words
def create_endpoint(url: str, *, as_json: bool) -> None:
    """Create the endpoints at URL in Stripe, for the events we act on and for thin ones, pinned to our API version.

    Their signing secrets are shown once: put both into STRIPE_WEBHOOK_SECRETS.
    """
    with db.edge():
        made = webhooks.create_endpoint(url, sorted(EVENTS))
        thin, thin_secret = webhooks.create_thin_endpoint(url, sorted(THIN_EVENTS))
    if as_json:
        told = {"id": made["id"], "url": made["url"], "api_version": API_VERSION, "secret": made["secret"]}
        say_json(told | {"thin": {"id": thin, "secret": thin_secret}})
    else:
        say(f"Endpoint [bold]{made['id']}[/] sends {len(EVENTS)} kinds of events to {made['url']} as {API_VERSION}.")
        say(f"Event destination [bold]{thin}[/] sends {len(THIN_EVENTS)} kinds of thin events there.")
        say(f"STRIPE_WEBHOOK_SECRETS={made['secret']},{thin_secret}")


@webhooks_group.command("process")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(min=1), help="At most so many events.")
@as_json
@refusing_in_words
def process(*, limit: int, as_json: bool) -> None:
    """Process events that wait or failed and are due. Run it every minute from cron for quick retries."""
    tried = processor.process_due(limit)
    if as_json:
        say_json({"tried": tried})
    else:
        say(f"{counted(tried, 'event', 'events')} tried." if tried else "No event is waiting.")


@billing.command("work")
@click.option(
    "--threads",
    default=4,
    show_default=True,
    type=click.IntRange(1, 64),
    help="How many events may be worked on at a time.",
)
@refusing_in_words
def work_command(*, threads: int) -> None:
    """Work off the events that Stripe sends, until told to end (Ctrl-C, SIGTERM).

    Consumes the queue that EVENT_PROCESSING names, on as many hosts as you like; without one it looks into the inbox
    every few seconds for what failed or was left behind.
    """
    say("Working on what Stripe sends. Ctrl-C ends it.")
    work.current().run(threads)
