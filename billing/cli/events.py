"""`flask billing events …`: what Stripe sent, and what can be done about it."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask.cli import AppGroup
from rich.markup import escape

from billing.cli.billing import as_json, billing
from billing.cli.output import counted, refusing_in_words, say, say_json, say_table
from billing.core import clock, db
from billing.sync import queries, replay
from billing.sync.models import NEEDING_ATTENTION, STATES, WebhookEvent
from billing.sync.preview import Difference
from billing.sync.queries import Filters

_STYLES = {"received": "yellow", "failed": "yellow", "done": "green", "parked": "red", "refused": "red"}
_KEEP_DAYS = 90
_MOST_DAYS = 36_500  # so that there is a day before them
_LAST_YEAR = 9000

event_id = click.argument("event_id", metavar="EVENT")


@billing.group("events", cls=AppGroup)
def events() -> None:
    """The inbox: every event Stripe sent, and what became of it."""


@events.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--type", "event_type", default="", help="Only those of this type; 'invoice.*' are all that begin so.")
@click.option("--customer", default="", help="Only those about this customer (cus_…).")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only those received on this day (UTC) or later.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Only those received on this day or earlier.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@click.option("--cursor", help="Go on after an earlier list; --json tells where.")
@as_json
@refusing_in_words
def list_command(
    state: str | None,
    event_type: str,
    customer: str,
    since: datetime | None,
    until: datetime | None,
    *,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List events, the newest first."""
    wanted = Filters(state or "", event_type, customer, since=_day("since", since), until=_day("until", until))
    with db.edge():
        page = queries.page(wanted, cursor, size=limit)
        if as_json:
            accounts = queries.accounts_of(page.rows)
            say_json({"events": [_summary(row, accounts) for row in page.rows], "older": page.older})
            return
        if not page.rows:
            say("No event has come that fits." if wanted != Filters() else "No event has come yet.")
            if event_type and not event_type.endswith("*"):
                say("[dim]A * at the end of --type stands for all that begin so: --type 'invoice.*'[/]")
            return
        say_table(
            ["Received", "State", "Event"],
            [(f"{row.received_at:%Y-%m-%d %H:%M}", row.state, f"{row.type}\n{row.stripe_id}") for row in page.rows],
        )
        if page.older:
            say("[dim]There are older ones: --limit shows more, --state and --type fewer.[/]")
            say(f"[dim]The next ones, with the same filters: --cursor {page.older}[/]")


def _day(option: str, moment: datetime | None) -> datetime | None:
    if moment and moment.year > _LAST_YEAR:
        raise click.BadParameter(f"There are no days after the year {_LAST_YEAR}.", param_hint=f"'--{option}'")
    return moment.replace(tzinfo=UTC) if moment else None


@events.command("show")
@event_id
@as_json
@refusing_in_words
def show(event_id: str, *, as_json: bool) -> None:
    """Show an event whole: what came, what it changed, what went wrong."""
    with db.edge():
        row = queries.get(event_id)
        accounts = queries.accounts_of([row])
        body = json.loads(row.body) if row.body else None
        if as_json:
            say_json(_summary(row, accounts) | {"error": row.error, "changes": row.changes, "body": body})
            return
        say(f"[bold]{escape(row.type)}[/]  {_painted(row.state)}")
        for name, value in _facts(row, accounts.get(row.id)):
            say(f"  [dim]{name:<12}[/] {escape(value)}")
        if row.error:
            say(f"\n[red]{escape(row.error.strip())}[/]")
        if row.changes:
            say("\n[bold]What it changed[/]")
            _say_changes(row.changes)
        if body is None:
            say("\n[dim]Its body was pruned.[/]")
        else:
            say(f"\n[bold]What Stripe sent[/]\n{escape(json.dumps(body, indent=2, ensure_ascii=False))}")


def _facts(row: WebhookEvent, account: str | None) -> list[tuple[str, str]]:
    facts: list[tuple[str, Any]] = [
        ("event", row.stripe_id),
        ("about", f"{row.noun} {row.object_id}" if row.noun else "nothing that is kept here"),
        ("customer", row.customer),
        ("account", account),
        ("mode", "live" if row.livemode else "test"),
        ("created", _moment(row.created_at)),
        ("received", _moment(row.received_at)),
        ("done", _moment(row.done_at)),
        ("attempts", row.attempts),
        ("next try", _moment(row.next_try_at) if row.state == "failed" else None),
        ("took", f"{row.duration_ms} ms" if row.duration_ms is not None else None),
        ("API version", row.api_version),
        ("request", row.request_id),
    ]
    return [(name, str(value)) for name, value in facts if value is not None]


@events.command("replay")
@event_id
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@as_json
@refusing_in_words
def replay_command(event_id: str, *, dry_run: bool, as_json: bool) -> None:
    """Ask Stripe what is true now of what an event is about, and write that.

    It does no harm however old the event is, and sends nothing twice.
    """
    found = replay.would_change(event_id) if dry_run else replay.replay(event_id)
    if as_json:
        said = "would_change" if dry_run else "changed"
        say_json({"event": event_id, said: [asdict(one) for one in found]})
    elif not found:
        say("Nothing would change." if dry_run else "Replayed. Nothing had to change.")
    else:
        say("A replay would change:" if dry_run else "Replayed. It changed:")
        _say_differences(found)


def _say_differences(found: list[Difference]) -> None:
    last = None
    for one in found:
        row = f"{one.table.removeprefix('billing_')} {one.stripe_id}"
        if row != last:
            say(f"[yellow]~[/] [bold]{escape(row)}[/]")
        _say_value(one.field, one.here, one.at_stripe)
        last = row


def _say_changes(changes: list[dict[str, Any]]) -> None:
    """The rows an event changed, and what belongs to them; of new and of gone ones what they hold or held."""
    for change in changes:
        if change["after"]:
            _say_change(change["noun"], change)
        for part in change.get("parts", ()):  # rows of before there were parts have none
            _say_change(part["kind"], part)


def _say_change(kind: str, change: dict[str, Any]) -> None:
    before, after = change["before"], change["after"]
    sign = "[green]+[/]" if before is None else "[red]-[/]" if after is None else "[yellow]~[/]"
    say(f"{sign} [bold]{escape(kind)} {escape(change['stripe_id'])}[/]")
    for field, value in (before if after is None else after).items():
        if before is not None and after is not None:
            _say_value(field, before[field], value)
        elif value not in (None, [], {}):
            say(f"    {escape(field)}: {escape(_plain(value))}")


def _say_value(field: str, before: Any, after: Any) -> None:
    say(f"    {escape(field)}: [red]{escape(_plain(before))}[/] → [green]{escape(_plain(after))}[/]")


def _or_all(context: click.Context, _: click.Parameter, event_ids: tuple[str, ...]) -> tuple[str, ...]:
    """The events named, unless all are meant; click has read the options by then."""
    if bool(event_ids) == context.params.get("is_all", False):
        raise click.UsageError("name the events, or say --all")
    return event_ids


@events.command("retry")
@click.argument("event_ids", nargs=-1, metavar="[EVENT]...", callback=_or_all)
@click.option("--all", "is_all", is_flag=True, help="All that failed or were parked.")
@as_json
@refusing_in_words
def retry_command(event_ids: tuple[str, ...], *, is_all: bool, as_json: bool) -> None:
    """Let failed or parked events wait again, with all their attempts, and work them off at once.

    Where one of those named cannot be retried, none is. Exits with 1 when one of them is not done then.
    """
    if is_all:
        count = replay.retry_all()
        with db.edge():
            left = queries.count_needing_attention()
        if as_json:
            say_json({"retried": count, "left": left})
        else:
            say(
                f"{counted(count, 'event', 'events')} tried again."
                if count
                else "Nothing has failed, and nothing is parked."
            )
            _say_left(left)
        return
    retried = replay.retry_each(event_ids)
    if as_json:
        reasons = {event_id: one.reason for event_id, one in retried.items() if one.reason}
        say_json({"states": {event_id: one.state for event_id, one in retried.items()}, "reasons": reasons})
    else:
        for event_id, one in retried.items():
            say(f"{escape(event_id)} is {_painted(one.state)} now.")
            if one.reason:
                say(f"  {escape(one.reason)}")
    if any(one.state != "done" for one in retried.values()):
        sys.exit(1)


def _say_left(counts: dict[str, int]) -> None:
    """What still needs somebody's eyes."""
    if counts:
        words = ", ".join(f"{counts[state]} {state}" for state in NEEDING_ATTENTION if state in counts)
        say(f"[yellow]Still to be looked at: {words}.[/]")


@events.command("park")
@event_id
@click.option("--reason", required=True, help="Why, for whoever finds it.")
@as_json
@refusing_in_words
def park_command(event_id: str, *, reason: str, as_json: bool) -> None:
    """Take a waiting event out; retrying it brings it back."""
    replay.park(event_id, reason, by=os.environ.get("USER", "the command line"))
    if as_json:
        say_json({"event": event_id, "state": "parked"})
    else:
        say(f"{escape(event_id)} is parked. `flask billing events retry {escape(event_id)}` brings it back.")


@events.command("prune")
@click.option(
    "--days", type=click.IntRange(1, _MOST_DAYS), default=_KEEP_DAYS, show_default=True, help="Keep what is younger."
)
@click.option("--yes", is_flag=True, help="Do not ask before letting go.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@as_json
@refusing_in_words
def prune_command(*, days: int, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Let go of the bodies of old events that are done or ignored, and of what they changed.

    The events themselves stay known, so that none is worked off again should it come once more.
    """
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json cannot ask: add --yes or --dry-run")
    before = clock.now() - timedelta(days=days)
    count = replay.count_prunable(before)
    may = count > 0 and not dry_run
    if may and not yes and not click.confirm(f"Let go of {_bodies(count)}?"):
        say("Nothing was pruned.")
        return
    pruned = replay.prune(before) if may else 0
    if as_json:
        say_json({"before": before, "prunable": count, "pruned": pruned})
    elif pruned:
        say(f"{counted(pruned, 'body is', 'bodies are')} gone.")
    elif count == 0:
        say(f"Nothing to prune: no body of a done or ignored event is older than {counted(days, 'day', 'days')}.")
    else:
        old = counted(count, "body is", "bodies are")
        say(f"{old} older than {counted(days, 'day', 'days')}. None was let go.")


def _bodies(count: int) -> str:
    return "the body of 1 event" if count == 1 else f"the bodies of {count:,} events"


def _summary(row: WebhookEvent, accounts: Mapping[int, str]) -> dict[str, Any]:
    return {
        "event": row.stripe_id,
        "type": row.type,
        "state": row.state,
        "noun": row.noun,
        "object": row.object_id,
        "customer": row.customer,
        "account": accounts.get(row.id),
        "livemode": row.livemode,
        "api_version": row.api_version,
        "created_at": row.created_at.isoformat(),
        "received_at": row.received_at.isoformat(),
        "done_at": row.done_at.isoformat() if row.done_at else None,
        "duration_ms": row.duration_ms,
        "attempts": row.attempts,
        "next_try_at": row.next_try_at.isoformat() if row.next_try_at else None,
        "request_id": row.request_id,
    }


def _moment(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else None


def _painted(state: str) -> str:
    style = _STYLES.get(state, "dim")
    return f"[{style}]{state}[/]"


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
