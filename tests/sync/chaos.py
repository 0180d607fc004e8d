"""`make chaos`: random lives by the thousand, on SQLite and on PostgreSQL; `--seed` lives a failing one alone.

Each seed decides the lives and the disorder. With threads, who comes first is not decided by it.
"""

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from random import Random

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from billing.cli.proving import Proving
from billing.core.settings import Settings
from billing.sync import chaos
from billing.sync.chaos import Disorder
from tests.support.databases import postgres_copy, why_no_postgres

KEYS = ("chaos:1", "chaos:2")
DISORDERS = (
    (Disorder(), chaos.settle),
    (Disorder(crashes=0.03), chaos.settle),
    (Disorder(threads=4, crashes=0.02), chaos.settle),
    (Disorder(lost=1), chaos.reconcile),  # an outage longer than Stripe lists events
    (Disorder(lost=0.5, crashes=0.03), chaos.reconcile),
)


def at_random(seed: int) -> Random:
    """The same at random each time."""
    return Random(seed)  # noqa: S311  # it keeps no secret


def try_seeds(engine: str, first: int, count: int) -> Iterator[tuple[int, list[str]]]:
    """Each seed with what differed from the truth."""
    with _proving(engine) as proving:
        for seed in range(first, first + count):
            disorder, mend = DISORDERS[seed % len(DISORDERS)]
            try:
                with proving.anew() as stripe:
                    told = chaos.live(proving.here.app, stripe, KEYS, at_random(seed), disorder, mend=mend)
                    found = [one.in_words() for one in proving.differences(stripe, told, KEYS)]
            except Exception as error:  # one seed's failure must not hide the others'
                found = [repr(error)]
            yield seed, found


@contextmanager
def _proving(engine: str) -> Iterator[Proving]:
    logging.disable(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory(prefix="billing-chaos-") as folder,
        postgres_copy() if engine == "PostgreSQL" else nullcontext() as url,
    ):
        settings = Settings.load({"SECRET_KEY": "thrown-away"}, env_file=None)
        proving = Proving(Path(folder), settings, url)
        yield proving
        proving.close()


def _share(work: tuple[str, int, int]) -> tuple[str, list[tuple[int, list[str]]]]:
    return work[0], list(try_seeds(*work))


def main() -> int:
    """Try the seeds; how many failed."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--seed", type=int, help="only this one")
    chosen = parser.parse_args()
    first, count = (0, chosen.seeds) if chosen.seed is None else (chosen.seed, 1)
    console = Console()
    engines = ["SQLite", "PostgreSQL"]
    if why := why_no_postgres():
        console.print(f"[yellow]Without PostgreSQL:[/] {escape(why)}")
        engines.remove("PostgreSQL")
    ends = range(first, first + count, 5)
    work = [(engine, begin, min(5, first + count - begin)) for begin in ends for engine in engines]
    failed, lived = 0, dict.fromkeys(engines, 0)
    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=console) as bars:
        tasks = {engine: bars.add_task(engine, total=count) for engine in engines}
        with get_context("spawn").Pool(2) as pool:
            for engine, results in pool.imap_unordered(_share, work):
                bars.advance(tasks[engine], len(results))
                lived[engine] += len(results)
                if not console.is_terminal and lived[engine] % 100 == 0:  # where no bar is seen
                    console.print(f"{engine}: {lived[engine]:,} of {count:,}")
                for seed, found in results:
                    failed += bool(found)
                    for words in found:
                        bars.console.print(f"[red]{engine}, seed {seed}:[/] {escape(words)}", soft_wrap=True)
                    if found:
                        bars.console.print(f"  again, alone: make chaos SEED={seed}")
    verdict = f"[red]{failed} failed[/]" if failed else "[green]all exact[/]"
    console.print(f"{count:,} seeds on {' and '.join(engines)}: {verdict}")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
