"""`flask billing chaos`: random lives on a sandbox that is thrown away, their events delivered in disorder.

The app's own receivers of `access_changed` hear of them as they would of real ones.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import cast

import click
from flask import Flask, current_app
from rich.markup import escape
from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import select

from billing.cli.billing import as_json, billing
from billing.cli.output import progress, refusing_in_words, say, say_json
from billing.cli.proving import Proving, lent
from billing.core import db
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
    """What did not end as it should: of which seed and account, and what, in words."""

    seed: int
    account: str
    what: str


@dataclass
class _Heard:
    """What is announced to the app's receivers: the last of each account, and how often."""

    last: dict[str, AccessChange] = field(default_factory=dict)
    count: int = 0

    def hear(self, _sender: object, event: AccessChange) -> None:
        self.last[event.account_key] = event
        self.count += 1


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
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's target
    found: list[Divergence] = []
    told = 0
    columns = (MofNCompleteColumn(), TextColumn("[red]{task.fields[diverged]}[/] diverged"), TimeRemainingColumn())
    with tempfile.TemporaryDirectory(prefix="billing-chaos-") as folder, _errors_only(), progress(*columns) as bars:
        proving = Proving(Path(folder), settings_of.current())
        task = bars.add_task("lives", total=seeds, diverged=0)
        for seed in range(first, first + seeds):
            heard = _Heard()
            with access_changed.connected_to(heard.hear):
                found += _try(app, proving, seed, keys or ("chaos:1", "chaos:2"), heard)
            told += heard.count
            bars.update(task, advance=1, diverged=len(found))
        proving.close()
    if as_json:
        say_json({"seeds": seeds, "told": told, "divergences": [asdict(one) for one in found]})
    else:
        _say(seeds, told, found)
    if found:
        sys.exit(1)


@contextmanager
def _errors_only() -> Iterator[None]:
    """Keep what a thousand invented events would log out of the terminal."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _try(app: Flask, proving: Proving, seed: int, keys: Sequence[str], heard: _Heard) -> list[Divergence]:
    """Live one seed's lives in front of the app; what diverged."""
    randomly = Random(seed)  # noqa: S311  # it must be the same again, and keeps no secret
    with proving.anew() as stripe, lent(proving.here, app):
        events = chaos.live(app, stripe, keys, randomly, Disorder())
        with app.app_context():
            noticing.notice_due()  # what time alone changed, as upkeep does
            found = [Divergence(seed, key, words) for key in keys if (words := _diverged(key, heard.last.get(key)))]
            found += [Divergence(seed, *failure) for failure in _failures()]
        return found or [Divergence(seed, "", one.in_words()) for one in proving.differences(stripe, events, keys)]


def _failures() -> list[tuple[str, str]]:
    """The accounts whose receivers raised, each with what."""
    failed = select(Effect.payload, Effect.error).where(Effect.state == "failed", Effect.name == access_changed.name)
    with db.edge() as session:
        rows = session.execute(failed.order_by(Effect.id)).all()
    words = [(row.payload["account_key"], f"a receiver raised {row.error.splitlines()[-1]}") for row in rows]
    return list(dict.fromkeys(words))


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
    lives = f"{seeds} random {'life' if seeds == 1 else 'lives'}, {told:,} changes of access announced"
    if not found:
        say(f"[green]✓[/] {lives}: every account ended where its receivers were told.")
        return
    say(f"[red]✗[/] {lives}:")
    for one in found:
        say(f"  seed [bold]{one.seed}[/]  {escape(one.account)}  {escape(one.what)}")
    say(f"Again, alone: flask billing chaos --seeds 1 --seed {found[0].seed}")
