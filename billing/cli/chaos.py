"""`flask billing chaos`: random lives on a sandbox that is thrown away, their events delivered in disorder.

The app's own receivers of `access_changed` hear of them as they would of real ones.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import cast

import click
from flask import Flask, current_app
from rich.markup import escape
from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import func, select

from billing.cli.billing import as_json, billing
from billing.cli.output import counted, progress, refusing_in_words, say, say_json
from billing.cli.proving import Proving, lent
from billing.core import db, effects
from billing.core import settings as settings_of
from billing.core.effects import Effect
from billing.domain.access import noticing
from billing.domain.access import service as access
from billing.domain.access.answer import Access
from billing.domain.access.signals import AccessChange, access_changed
from billing.domain.accounts import service as accounts
from billing.sync import chaos
from billing.sync.chaos import Disorder


@dataclass(frozen=True)
class Divergence:
    """What did not end as it should: of which seed and account first, what, in words, and how often."""

    seed: int
    account: str
    what: str
    times: int = 1


@dataclass
class _Report:
    """What came of all lives so far: how many changes were announced, what receivers raised, and what else diverged."""

    told: int = 0
    raised: dict[str, Divergence] = field(default_factory=dict)
    diverged: list[Divergence] = field(default_factory=list)

    @property
    def found(self) -> list[Divergence]:
        return [*self.raised.values(), *self.diverged]

    def note_raised(self, seed: int, account: str, error: str) -> None:
        """A receiver raised: each error is told once, however often it comes."""
        known = self.raised.get(error)
        self.raised[error] = (
            replace(known, times=known.times + 1) if known else Divergence(seed, account, f"a receiver raised {error}")
        )


@dataclass
class _Heard:
    """What is announced to the app's receivers: the last of each account."""

    last: dict[str, AccessChange] = field(default_factory=dict)

    def hear(self, _sender: object, event: AccessChange) -> None:
        self.last[event.account_key] = event


class _OnceEach(logging.Filter):
    """Lets the traceback of each distinct error through once."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record's error is a new one."""
        error = repr(record.exc_info[1]) if record.exc_info else ""
        is_new = not error or error not in self._seen
        self._seen.add(error)
        return is_new


@billing.command("chaos")
@click.option("--seeds", default=50, show_default=True, type=click.IntRange(min=1), help="How many random lives.")
@click.option("--seed", "first", default=0, show_default=True, help="The first of them; the others are the next ones.")
@click.option("--account", "keys", multiple=True, help="Your key of an account to live as. [default: two made-up ones]")
@as_json
@refusing_in_words
def chaos_command(*, seeds: int, first: int, keys: tuple[str, ...], as_json: bool) -> None:
    """Try what listens to access_changed: random customers buy, fail to pay and cancel; their events come in disorder.

    They live on a sandbox and a database that are thrown away, but YOUR RECEIVERS ARE CALLED: what they do, they do.
    What each account's receivers were told last must be the access it has in the end, and none may raise. Exits with
    1 where something diverged.
    """
    if len(set(keys)) < len(keys) or not all(key.strip() for key in keys):
        raise click.UsageError("--account names an account, and each only once")
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's target
    report = _Report()
    columns = (MofNCompleteColumn(), TextColumn("[red]{task.fields[diverged]}[/] diverged"), TimeRemainingColumn())
    with tempfile.TemporaryDirectory(prefix="billing-chaos-") as folder, _few_errors(), progress(*columns) as bars:
        proving = Proving(Path(folder), settings_of.current())
        task = bars.add_task("lives", total=seeds, diverged=0)
        for seed in range(first, first + seeds):
            _try(app, proving, seed, keys or ("chaos:1", "chaos:2"), report)
            bars.update(task, advance=1, diverged=len(report.found))
        proving.close()
    if as_json:
        said = [asdict(one) for one in report.found]
        say_json({"seeds": seeds, "told": report.told, "divergences": said})
    else:
        _say(seeds, report.told, report.found)
    if report.found:
        sys.exit(1)


@contextmanager
def _few_errors() -> Iterator[None]:
    """Keep what a thousand invented events would log out of the terminal, and all but one traceback of each error."""
    once_each = _OnceEach()
    logging.disable(logging.WARNING)
    logging.getLogger(effects.__name__).addFilter(once_each)
    try:
        yield
    finally:
        logging.getLogger(effects.__name__).removeFilter(once_each)
        logging.disable(logging.NOTSET)


def _try(app: Flask, proving: Proving, seed: int, keys: Sequence[str], report: _Report) -> None:
    """Live one seed's lives in front of the app, and note what came of it.

    What an account was told is not compared where a receiver raised: whoever comes after it was told nothing.
    """
    randomly = Random(seed)  # noqa: S311  # it must be the same again, and keeps no secret
    heard = _Heard()
    with proving.anew() as stripe, lent(proving.here, app), access_changed.connected_to(heard.hear):
        events = chaos.live(app, stripe, keys, randomly, Disorder())
        with app.app_context():
            noticing.notice_due()  # what time alone changed, as upkeep does
            failures = _failures()
            untold = {account for account, _ in failures}
            last = {key: heard.last.get(key) for key in keys if key not in untold}
            found = [Divergence(seed, key, words) for key, told in last.items() if (words := _diverged(key, told))]
            report.told += _count_announced()
        for account, error in failures:
            report.note_raised(seed, account, error)
        if not found and not failures:
            found = [Divergence(seed, "", one.in_words()) for one in proving.differences(stripe, events, keys)]
        report.diverged += found


def _failures() -> list[tuple[str, str]]:
    """The accounts whose receivers raised, each time with what."""
    failed = select(Effect.payload, Effect.error).where(Effect.state == "failed", Effect.name == access_changed.name)
    with db.edge() as session:
        rows = session.execute(failed.order_by(Effect.id)).all()
    return [(row.payload["account_key"], row.error.splitlines()[-1]) for row in rows]


def _count_announced() -> int:
    with db.edge() as session:
        return session.scalar(select(func.count()).where(Effect.name == access_changed.name)) or 0


def _diverged(key: str, last: AccessChange | None) -> str | None:
    """How the access of an account differs from what its receivers were told last; None where it does not."""
    with db.edge():
        now = access.access_for(accounts.find(key))
        told = last.after if last else None
        if _words(told) == _words(now):
            return None
        return f"told last: {_words(told)}; access in the end: {_words(now)}"


def _words(said: Access | None) -> str:
    if said is None or (said.state == "none" and not said.has_subscription):
        return "none"
    plan = said.plan.key if said.plan else "no plan"
    return f"{said.state}, {plan}, {' '.join(sorted(said.features)) or 'no features'}"


def _say(seeds: int, told: int, found: list[Divergence]) -> None:
    changes = counted(told, "change of access", "changes of access")
    lives = f"{counted(seeds, 'random life', 'random lives')}, {changes} announced"
    if not found:
        say(f"[green]✓[/] {lives}: every account ended where its receivers were told.")
        return
    say(f"[red]✗[/] {lives}:")
    for one in found:
        often = f" ({one.times:,} times)" if one.times > 1 else ""
        say(f"  seed [bold]{one.seed}[/]  {escape(one.account)}  {escape(one.what)}{often}")
    say(f"Again, alone: flask billing chaos --seeds 1 --seed {found[0].seed}")
