"""An app that cannot start, on the command line: told as the command that was typed tells what is wrong."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import IO, Any, ParamSpec, TypeVar

import click

from billing.cli import doctor
from billing.core.errors import Misconfigured
from billing.sync.doctor import Finding

P = ParamSpec("P")
T = TypeVar("T")


class _Diagnosed(click.ClickException):
    """The doctor's answer where there is no app to be examined."""

    exit_code = doctor.EXIT_CODES["error"]

    def __init__(self, message: str, *, as_json: bool) -> None:
        super().__init__(message)
        fix = "Mend them in the environment or in .env (docs/configuration.md), then run the doctor again."
        self._finding = Finding("Settings", "error", message, fix)
        self._as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:
        doctor.say_findings([self._finding], as_json=self._as_json)


def starting_in_words(make_app: Callable[P, T]) -> Callable[P, T]:
    """Let settings that cannot work end a command in their own words, without a traceback.

    The exit code is 1; `flask billing doctor`, whose matter they are, makes a finding of them. It is known by what was
    typed: flask makes the app before it looks at the command.
    """

    @wraps(make_app)
    def make(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return make_app(*args, **kwargs)
        except Misconfigured as error:
            typed = sys.argv[1:]
            if "doctor" in typed and typed[typed.index("doctor") - 1] == "billing":
                raise _Diagnosed(str(error), as_json="--json" in typed) from error
            raise click.ClickException(str(error)) from error

    return make
