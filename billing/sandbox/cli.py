"""`flask sandbox …`: time, state and samples for the sandbox of this app."""

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from billing.sandbox import lifecycle, state
from billing.sandbox.seed import seed as add_samples

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Sandbox

_EXTENSION = "sandbox"
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}

_LONGEST = timedelta(days=3650)

commands = AppGroup("sandbox", help="The local Stripe: its clock and its state.")
as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def init_app(app: Flask, sandbox: "Sandbox") -> None:
    """Give `app` the commands, for this sandbox."""
    app.extensions[_EXTENSION] = sandbox
    app.cli.add_command(commands)


@commands.command("advance")
@click.argument("by", nargs=-1, required=True)
@as_json
def advance(by: tuple[str, ...], *, as_json: bool) -> None:
    """Move time forward: BY is a span such as 30d, 2h or 1d12h, or the words "to next renewal".

    Everything that falls due happens on the way, in order.
    """
    before = len(_put_aside())
    step = _until_next_renewal() if by == ("to", "next", "renewal") else _span(" ".join(by))
    _sandbox().advance(step)
    if as_json:
        _say_json({"now": _sandbox().now().isoformat()})
        return
    _say(f"It is now [bold]{_sandbox().now():%A, %-d %B %Y, %H:%M} UTC[/] in the sandbox.")
    if len(_put_aside()) > before:
        _say("[red]Something failed on the way and was put aside:[/] flask sandbox status")


@commands.command("reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(*, yes: bool) -> None:
    """Forget everything in the sandbox, also that its clock was moved."""
    if not yes:
        click.confirm("Forget every customer, subscription and payment in the sandbox?", abort=True)
    state.reset(_sandbox())
    _say("The sandbox is empty.")


@commands.command("snapshot")
@click.argument("name")
def snapshot(name: str) -> None:
    """Keep the sandbox as it is under NAME."""
    try:
        path = state.snapshot(_sandbox(), name)
    except ValueError as refusal:
        raise click.ClickException(str(refusal)) from refusal
    _say(f"Kept in {path}")


@commands.command("restore")
@click.argument("name")
def restore(name: str) -> None:
    """Bring back what was kept under NAME, the time included."""
    try:
        state.restore(_sandbox(), name)
    except (LookupError, ValueError) as refusal:
        kept = ", ".join(state.snapshots(_sandbox())) or "none yet"
        raise click.ClickException(f"{refusal.args[0]} (kept: {kept})") from refusal
    _say(f"The sandbox is as it was at {_sandbox().now():%A, %-d %B %Y, %H:%M} UTC.")


@commands.command("seed")
@as_json
def seed(*, as_json: bool) -> None:
    """Add sample customers: one who pays, tries, owes, leaves and has left."""
    made = add_samples(_sandbox())
    if as_json:
        _say_json([{"customer": customer, "what": what} for customer, what in made])
        return
    for customer, what in made:
        _say(f"{customer}  {what}")


@commands.command("retry")
def retry() -> None:
    """Try what failed when its time came, and was put aside, once more."""
    with _sandbox().unit() as unit:
        count = lifecycle.try_again(unit)
    _sandbox().catch_up()
    _say(f"{count} tried again, {len(_put_aside())} put aside.")


@commands.command("status")
@as_json
def status(*, as_json: bool) -> None:
    """Show the time, what there is, what comes next, and what failed."""
    found = state.status(_sandbox())
    if as_json:
        _say_json(found)
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, words in _described(found):
        table.add_row(label, escape(words))
    Console().print(table)


def _described(found: dict[str, Any]) -> list[tuple[str, str]]:
    sent = found["deliveries"]
    rows = [
        ("File", found["file"]),
        ("Time", f"{found['now']}, the clock {found['clock']}"),
        ("Holds", "\n".join(f"{count:6} {kind}" for kind, count in found["objects"].items()) or "nothing"),
        ("Next", "\n".join(f"{entry['at']}  {entry['action']} {entry['object']}" for entry in found["next"]) or "–"),
        ("Webhooks", f"{sent['delivered']} delivered, {sent['pending']} waiting, {sent['failed']} failed"),
        ("Snapshots", ", ".join(found["snapshots"]) or "–"),
    ]
    if found["put_aside"]:
        failed = [
            f"{entry['at']}  {entry['action']} {entry['object_id']}\n{entry['error']}" for entry in found["put_aside"]
        ]
        rows.append(("Put aside", "\n".join([*failed, "`flask sandbox retry` tries again"])))
    return rows


def _span(text: str) -> timedelta:
    parts = re.findall(r"(\d+)([wdhms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
        raise click.UsageError(f"not a span of time: {text} (write 30d, 2h, 1d12h, or: to next renewal)")
    try:
        span = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    except (OverflowError, ValueError):
        span = timedelta.max
    if span > _LONGEST:
        raise click.UsageError(f"time moves at most {_LONGEST.days} days at once")
    return span


def _until_next_renewal() -> timedelta:
    step = lifecycle.until_next_renewal(_sandbox().store.connection())
    if step is None:
        raise click.ClickException("no subscription renews")
    return step


def _put_aside() -> list[lifecycle.PutAside]:
    return lifecycle.put_aside(_sandbox().store.connection())


def _sandbox() -> "Sandbox":
    return cast("Sandbox", current_app.extensions[_EXTENSION])


def _say(text: str) -> None:
    Console(soft_wrap=True).print(text, highlight=False)


def _say_json(value: Any) -> None:
    click.echo(json.dumps(value))
