"""`flask billing sync …` and `flask billing export`: bringing the local tables in line with Stripe, and out of here."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from billing.cli.billing import as_json, billing
from billing.cli.output import opened, progress, refusing_in_words, say, say_json, say_table
from billing.core import db, settings
from billing.gateway import pace as paces
from billing.gateway.pace import Pace
from billing.sync import backfill, detect, drift, export, processor, push, stripe_account, tail
from billing.sync.listings import LISTINGS, chosen
from billing.sync.records import DriftFinding, DriftRun

_SHOWN = 50  # findings, in a terminal
_TREND = 14  # runs


@billing.group("sync", cls=AppGroup)
def sync() -> None:
    """The local tables and Stripe: fill, catch up, compare, repair."""


nouns_argument = click.argument("nouns", nargs=-1, type=click.Choice(list(LISTINGS)), metavar="[NOUN]...")
rate_option = click.option(
    "--rate", type=click.FloatRange(min=0.1), help="Requests a second. [default: 100 in live mode, 25 in test mode]"
)


def _pace(rate: float | None) -> Pace:
    return Pace(rate or paces.PER_SECOND[settings.current().mode])


@sync.command("backfill")
@nouns_argument
@click.option(
    "--threads",
    type=click.IntRange(1, backfill.THREADS),
    default=backfill.THREADS,
    show_default=True,
    help="How many pages are asked for at a time.",
)
@rate_option
@click.option("--restart", is_flag=True, help="Walk everything again, whatever an earlier one has left to do.")
@click.option(
    "--new-account", is_flag=True, help="The key is of another Stripe account than before, and is meant to be."
)
@as_json
@refusing_in_words
def backfill_command(
    nouns: tuple[str, ...], *, threads: int, rate: float | None, restart: bool, new_account: bool, as_json: bool
) -> None:
    """Bring everything Stripe holds into the local tables: all of it, or the NOUNs named.

    It may be stopped at any time: it goes on where it was, and with what was created since. Webhooks may arrive
    meanwhile.
    """
    if new_account:
        stripe_account.accept()
    with progress(
        TextColumn("{task.fields[count]:>9,}"),
        TextColumn("{task.fields[rate]:>6,.0f}/s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ) as bars:
        report = _backfill_reporter(bars)
        done = backfill.run(nouns, threads=threads, pace=_pace(rate), restart=restart, report=report)
    failed = sum(one.failed for one in done)
    if as_json:
        say_json(
            [
                {
                    "noun": one.noun,
                    "count": one.count,
                    "failed": one.failed,
                    "resumed": one.is_resumed,
                    "refused": one.refused,
                }
                for one in done
            ]
        )
    else:
        say_table(
            ["Noun", "Objects", "Failed", ""],
            [
                (
                    one.noun,
                    f"{one.count:,}",
                    f"{one.failed:,}",
                    one.refused or "went on where it had stopped" * one.is_resumed,
                )
                for one in done
            ],
        )
        if failed:
            say("[red]Some could not be kept.[/] The log says why; `flask billing sync drift` names them.")
    if failed or any(one.refused for one in done):
        sys.exit(1)


def _backfill_reporter(bars: Progress) -> Callable[[backfill.Progress], None]:
    tasks: dict[str, TaskID] = {}

    def report(now: backfill.Progress) -> None:
        if now.noun not in tasks:
            tasks[now.noun] = bars.add_task(now.noun, total=1.0, count=0, rate=0.0)
        task = bars.tasks[tasks[now.noun]]
        rate = now.count / task.elapsed if task.elapsed else 0.0
        bars.update(task.id, completed=now.share, count=now.count, rate=rate)

    return report


@sync.command("tail")
@as_json
@refusing_in_words
def tail_command(*, as_json: bool) -> None:
    """Read Stripe's lists of events for those that no webhook brought, and work them off.

    Stripe lists events for 30 days. Exits with 1 when some may have been lost because nobody looked for so long.
    """
    read = tail.read()
    processor.process_due(limit=max(read.kept, 1))
    if as_json:
        say_json(asdict(read))
    else:
        say(f"{read.seen:,} events since {read.since:%Y-%m-%d %H:%M} UTC, {read.kept:,} of them new here.")
        if read.lost_from:
            say(
                f"[red]Events from {read.lost_from:%Y-%m-%d %H:%M} UTC on are no longer listed.[/] "
                "Run `flask billing sync backfill`."
            )
        if read.thin_lost_from:
            say(
                f"[red]Reports of usage that Stripe could not count, from {read.thin_lost_from:%Y-%m-%d %H:%M} UTC on, "
                "are no longer listed.[/] Stripe's dashboard shows them under Billing, Meters."
            )
    if read.lost_from or read.thin_lost_from:
        sys.exit(1)


@sync.command("drift")
@nouns_argument
@click.option("--repair", is_flag=True, help="Write what Stripe says where it differs.")
@rate_option
@as_json
@refusing_in_words
def drift_command(nouns: tuple[str, ...], *, repair: bool, rate: float | None, as_json: bool) -> None:
    """Compare the local tables with Stripe, field by field: all of them, or the NOUNs named.

    Exits with 1 when something differs that was not repaired.
    """
    with progress(TextColumn("{task.completed:>9,}"), TextColumn("[red]{task.fields[differing]:,}[/] differ")) as bars:
        run_id = drift.run(nouns, repair=repair, pace=_pace(rate), report=_drift_reporter(bars))
    with db.edge():
        run = drift.get(run_id)
        left_out = sorted(set(chosen(nouns)) - set(run.nouns))
        is_clean = run.differing == run.repaired and not left_out
        if as_json:
            say_json(
                _run_as_dict(run)
                | {"left_out": left_out, "findings": [_finding_as_dict(one) for one in drift.findings(run_id)]}
            )
        else:
            _say_drift(run)
            if left_out:
                say(f"[red]Not compared, since Stripe lets the key not read them:[/] {', '.join(left_out)}.")
    if not is_clean:
        sys.exit(1)


def _drift_reporter(bars: Progress) -> drift.Report:
    tasks: dict[str, TaskID] = {}

    def report(noun: str, compared: int, differing: int) -> None:
        if noun not in tasks:
            tasks[noun] = bars.add_task(noun, total=None, differing=0)
        bars.update(tasks[noun], completed=compared, differing=differing)

    return report


def _run_as_dict(run: DriftRun) -> dict[str, Any]:
    return {
        "run": run.id,
        "nouns": run.nouns,
        "compared": run.compared,
        "differing": run.differing,
        "repaired": run.repaired,
        "trend": drift.differing_before(run, _TREND),
    }


def _finding_as_dict(finding: DriftFinding) -> dict[str, Any]:
    return {
        "noun": finding.noun,
        "stripe_id": finding.stripe_id,
        "cause": finding.cause,
        "repaired": finding.is_repaired,
        "differences": finding.differences,
    }


def _say_drift(run: DriftRun) -> None:
    if not run.differing:
        say(f"{run.compared:,} objects compared: the local tables say what Stripe says.")
    for finding, _ in zip(drift.findings(run.id), range(_SHOWN), strict=False):
        cause = "[green]repaired[/]" if finding.is_repaired else drift.CAUSES[finding.cause]
        say(f"[yellow]~[/] [bold]{finding.noun} {escape(finding.stripe_id)}[/]  {cause}")
        for difference in finding.differences:
            say(f"    {escape(_in_words(difference, finding))}")
    if run.differing:
        more = f" The first {_SHOWN} are shown; --json has all." if run.differing > _SHOWN else ""
        say(f"{run.compared:,} objects compared, {run.differing:,} differ, {run.repaired:,} repaired.{more}")
    trend = "  ".join(f"{differing:,}" for differing in drift.differing_before(run, _TREND))
    say(f"Differing in the last runs, the newest last: {trend}")
    if run.repaired < run.differing:
        say("`flask billing sync drift --repair` writes what Stripe says.")


def _in_words(difference: dict[str, Any], finding: DriftFinding) -> str:
    own = difference["stripe_id"] == finding.stripe_id
    place = "" if own else f"{difference['table'].removeprefix('billing_')} {difference['stripe_id']} "
    return f"{place}{difference['field']}: {_short(difference['here'])} → {_short(difference['at_stripe'])}"


def _short(value: Any) -> str:
    words = "none" if value is None else str(value)
    return words if len(words) <= 60 else f"{words[:59]}…"


@sync.command("detect")
@as_json
@refusing_in_words
def detect_command(*, as_json: bool) -> None:
    """Find what is wrong although each row is right: people who pay twice, or pay and have no access, and the like.

    It looks at the local tables; run `flask billing sync drift` before. Exits with 1 when it finds something.
    """
    count = 0
    with db.edge():
        found = detect.detect()
        if as_json:
            findings = [asdict(finding) for finding in found]
            count = len(findings)
            say_json(findings)
        else:
            for finding in found:
                count += 1
                say(f"[yellow]![/] [bold]{finding.kind.replace('_', ' ')}[/]  {escape(finding.what)}")
                say(f"  → {escape(finding.way_out)}{f' {finding.url}' if finding.url else ''}")
            say(f"{count} findings." if count else "Nothing is wrong.")
    if count:
        sys.exit(1)


@sync.command("push")
@as_json
@refusing_in_words
def push_command(*, as_json: bool) -> None:
    """Tell Stripe of names and addresses that changed here, now; `flask billing work` does so by itself.

    Exits with 1 when some could not be told.
    """
    tried = push.push_due()
    waiting = push.waiting()
    if as_json:
        say_json({"tried": tried, "waiting": [asdict(one) for one in waiting]})
    else:
        say(f"{tried} changes tried." if tried else "There is nothing to tell Stripe.")
        if waiting:
            say_table(
                ["Account", "Tried", "Next try", "Last error"],
                [
                    (
                        one.account,
                        str(one.attempts),
                        f"{one.next_try_at:%Y-%m-%d %H:%M} UTC" if one.next_try_at else "given up",
                        one.error or "",
                    )
                    for one in waiting
                ],
            )
    if waiting:
        sys.exit(1)


@billing.command("export")
@click.argument("noun")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file, instead of standard output.")
@refusing_in_words
def export_command(noun: str, *, form: export.Form, output: Path | None) -> None:
    """Write a table as CSV or lines of JSON: a NOUN such as invoice, or any table without its prefix.

    Rows are streamed, so it may be as long as it likes. Amounts are minor units, times UTC. Cells of a CSV that a
    spreadsheet would take for a formula begin with an apostrophe.
    """
    table = export.table_of(noun)
    with opened(output, "w") as file, progress(MofNCompleteColumn(), TimeRemainingColumn(), beside=file) as bars:
        task = bars.add_task(noun, total=export.count(table))
        for rows, line in enumerate(export.lines(table, form), start=0 if form == "csv" else 1):  # headings are no row
            file.write(line)
            bars.update(task, completed=rows)
