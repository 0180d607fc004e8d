"""The commands that findings, refusals and answers send people to: each can be typed as it stands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
from flask import Flask

import billing
from tests.support.portal import Portal

_COMMAND = re.compile(r"`flask (?!--app)([^`…]+)`")


def _said() -> Iterator[tuple[str, str]]:
    """Each command between backticks in the words of the code, docstrings aside, with the file that says it."""
    root = Path(billing.__file__).parent
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text())
        silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                silent.update(map(id, node.values))
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in silent:
                for words in _COMMAND.findall(_text(node)):
                    yield path.relative_to(root).as_posix(), words


def _text(node: ast.expr) -> str:
    """The string; what is filled in when it is said stands there as x."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    return str(node.value) if isinstance(node, ast.Constant) else "x"


def _problem(app: Flask, words: str) -> str | None:
    """What click finds wrong with the words as a command, which is not run."""
    command: click.Command = app.cli
    left = words.split()
    try:
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), left[0]) if left else None
            if found is None:
                return "There is no such command."
            command, left = found, left[1:]
        command.make_context(words, left)
    except click.UsageError as error:
        return error.format_message()
    return None


def test_commands_that_are_advised_can_be_typed(sqlite_portal: Portal) -> None:
    said = set(_said())
    with sqlite_portal.app.app_context():
        wrong = {f"{path}: flask {words}": _problem(sqlite_portal.app, words) for path, words in said}
    assert {line: problem for line, problem in wrong.items() if problem} == {}
    assert {path for path, _ in said} >= {"cli/sync.py", "cli/events.py", "sync/detect.py", "sync/doctor.py"}
    assert ("sync/doctor.py", "billing webhooks create-endpoint x") in said
