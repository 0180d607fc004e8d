"""How commands answer: tables and sentences for people, JSON for programs."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import IO, Any, Literal, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.table import Table

from billing.core.errors import Misconfigured, Refusal

P = ParamSpec("P")
T = TypeVar("T")


def say(text: str) -> None:
    """A line for a person; [bold] and the like are rich's mark-up, so `escape` what was written elsewhere."""
    _console().print(text, highlight=False)


def say_json(value: Any) -> None:
    """The answer for a program, on one line; times are ISO 8601."""
    click.echo(json.dumps(value, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def say_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings; what they hold is shown as it is, brackets and all."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    _console().print(table)


def say_aligned(rows: Sequence[Sequence[str]]) -> None:
    """Rows without headings, each column as wide as it needs, the last wrapping within itself; mark-up as in `say`."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*row)
    _console().print(table)


def counted(count: int, one: str, many: str) -> str:
    """How many there are, in words: "1 event", "1,200 events"."""
    return f"{count:,} {one if count == 1 else many}"


def progress(*columns: ProgressColumn, beside: IO[Any] | None = None) -> Progress:
    """A bar for each task, and the columns behind it, on standard error; shown only where a person looks on.

    `beside` is the file that is written meanwhile: where that is a terminal there is no bar, which would share lines
    with what is written and wipe some of it.
    """
    console = Console(stderr=True)
    is_shown = console.is_terminal and not (beside and beside.isatty())
    return Progress(TextColumn("{task.description}"), BarColumn(), *columns, console=console, disable=not is_shown)


def opened(path: Path | None, mode: Literal["w", "wb"]) -> AbstractContextManager[IO[Any]]:
    """The file to write to, text in UTF-8; standard output for None. What hinders it ends the command in words."""
    try:
        return click.open_file(str(path or "-"), mode, encoding="utf-8" if mode == "w" else None)
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None


def _console() -> Console:
    return Console(soft_wrap=True)


def refusing_in_words(command: Callable[P, T]) -> Callable[P, T]:
    """Let what the command refuses end it with the refusal's own words and exit code 1, without a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except Refusal as refusal:
            raise click.ClickException(f"{refusal.message} ({refusal.code})") from refusal
        except Misconfigured as error:
            raise click.ClickException(str(error)) from error

    return run
