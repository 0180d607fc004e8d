"""Whatever the sandbox says or is told, in any test, is held against the types of Stripe's own SDK.

Every answer and error (over HTTP or in process), every event in every sandbox file a test opened, and every request:
its problems fail the test they come up in. Requests that a test of the sandbox gets wrong on purpose are refused, and
that is all that is asked of them.
"""

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import blinker
import flask

if TYPE_CHECKING:
    from billing.sandbox import Sandbox
    from billing.sandbox.sandbox import Answer

_problems: list[str] = []
_files: set[str] = set()
_checked: set[str] = set()


def watch() -> None:
    """Watch this process for good."""
    blinker.signal("billing.sandbox.answered").connect(_hold_answer)
    flask.request_finished.connect(_hold_response)
    sys.addaudithook(_note_file)


def problems(*, refusals_are_meant: bool) -> list[str]:
    """What has come up since the last time."""
    for path in sorted(_files):
        _hold_events(Path(path))
    _files.clear()
    found = [words for words in _problems if not (refusals_are_meant and words.startswith("refused "))]
    _problems.clear()
    return found


def _hold_answer(sandbox: "Sandbox", method: str, path: str, tree: dict[str, Any], answer: "Answer") -> None:
    from tests.sandbox import contract_requests

    _hold_body(answer.body, answer.status, f"{method} {path}")
    refused = "refused " if answer.status == 400 else ""
    _problems.extend(f"{refused}request {words}" for words in contract_requests.problems(method, path, tree))


def _hold_response(sender: flask.Flask, response: flask.Response) -> None:
    """Errors of the wire, which come before any answer; what a browser sees is but a part of one."""
    asked = flask.request
    is_api = sender.import_name == "billing.sandbox" and asked.path.startswith("/v1/")
    if is_api and response.status_code >= 400 and "pk_" not in str(asked.authorization):
        _hold_body(response.get_data(), response.status_code, f"{asked.method} {asked.path}")


def _hold_body(body: bytes, status: int, where: str) -> None:
    from tests.sandbox import contract

    if "/v1/sandbox/" in where:  # the sandbox's own knobs, which Stripe has not
        return
    if status >= 500:
        _problems.append(f"{where}: answered {status}, which means a bug: {body.decode()}")
    _problems.extend(f"{where}: {words}" for words in contract.problems(json.loads(body)))


def _note_file(event: str, args: tuple[Any, ...]) -> None:
    if event == "sqlite3.connect" and isinstance(args[0], str | bytes | os.PathLike):
        _files.add(os.fsdecode(args[0]))


def _hold_events(path: Path) -> None:
    from tests.sandbox import contract

    if not path.is_file():
        return
    with closing(sqlite3.connect(path)) as file:
        if file.execute("SELECT 1 FROM sqlite_master WHERE name = 'agenda'").fetchone() is None:
            return
        for stripe_id, body in file.execute("SELECT id, body FROM objects WHERE kind = 'event'"):
            if stripe_id not in _checked:
                _checked.add(stripe_id)
                _problems.extend(f"event {words}" for words in contract.event_problems(json.loads(body)))
