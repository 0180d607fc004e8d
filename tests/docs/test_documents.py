"""What the documents say is true, as far as a machine can tell: links lead somewhere, commands exist, snippets run."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import pytest
from _pytest.mark import ParameterSet
from flask import Flask

import billing
from billing.cli.up import DEMOS
from billing.core import db
from tests.docs.pages import PROJECT, Document, document, documents

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.portal import Portal

_SMALL_ENOUGH = 200_000
_ID = re.compile(r"\b(bpc|we|ed|whsec)_\w+|\b\d+(?= changes of access)")  # lives differ with the day they begin on
_FLASK = re.compile(r"(?:\.venv/bin/)?flask (?:--app \S+ )?(?P<words>.+)")
_FLASKS_OWN = {"run", "shell", "--app"}


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.path)
def test_links_lead_somewhere(page: Document) -> None:
    assert list(_broken(page)) == []


def _broken(page: Document) -> Iterator[str]:
    for link in page.links():
        path, _, anchor = link.partition("#")
        target = (PROJECT / page.path).parent / path if path else PROJECT / page.path
        if link.startswith("https://"):
            continue
        if not target.exists():
            yield f"{link} leads nowhere"
        elif anchor and anchor not in document(target.resolve().relative_to(PROJECT).as_posix()).anchors():
            yield f"{link}: there is no such heading"


def test_every_page_is_reachable_from_the_readme() -> None:
    reached, waiting = set(), ["README.md"]
    while waiting:
        path = waiting.pop()
        if path in reached or not path.endswith(".md"):
            continue
        reached.add(path)
        folder = (PROJECT / path).parent
        found = [(folder / link.partition("#")[0]).resolve() for link in document(path).links() if "://" not in link]
        waiting += [target.relative_to(PROJECT).as_posix() for target in found]
    assert {page.path for page in documents()} - reached == set()


def test_pictures_are_light() -> None:
    pictures = {path.name: path.stat().st_size for path in (PROJECT / "docs" / "images").iterdir()}
    assert {name for name, size in pictures.items() if size > _SMALL_ENOUGH} == set()


def test_every_command_shown_exists(sqlite_portal: "Portal") -> None:
    shown = [(page.path, line) for page in documents() for line in page.lines_to_type()]
    unknown = [
        f"{path}: {line}"
        for path, line in shown
        if (found := _FLASK.fullmatch(line)) and not _is_known(sqlite_portal.app.cli, found["words"].split())
    ]
    assert len(shown) > len(unknown) == 0, unknown


def _is_known(command: click.Command, words: list[str]) -> bool:
    """Whether the words name a command of ours (or a group of them), with options it has."""
    if words[0] in _FLASKS_OWN or words[0] == "…":
        return True
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    if isinstance(command, click.Group) and words and words != ["…"]:
        return False
    options = {option for parameter in command.params for option in parameter.opts}
    return all(word.partition("=")[0] in options for word in words if word.startswith("--"))


def test_every_make_target_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    lines = [line for page in documents() for line in page.lines_to_type()]
    shown = {found[1] for line in lines if (found := re.match(r"(?:\w+=\S+ )?make ([a-z-]+)\b", line))}
    assert shown - targets == set()
    assert {"run", "test"} <= shown


def test_the_readme_names_the_people_to_try_it_as() -> None:
    readme = document("README.md").text
    assert [demo.email for demo in DEMOS if demo.email not in readme or demo.password not in readme] == []


@pytest.fixture
def fresh_portal(tmp_path: "Path") -> "Iterator[Portal]":
    """A portal whose tables exist and are empty."""
    from tests.support.portal import Portal

    portal = Portal(tmp_path / "fresh", f"sqlite:///{tmp_path}/fresh/portal.sqlite3")
    portal.run("billing", "db", "upgrade")
    yield portal
    portal.close()


def _examples() -> list[ParameterSet]:
    """The consoles of docs/cli.md; not those that tell of the time at which they were typed, or of one subscription."""
    return [
        pytest.param(block, id=block.splitlines()[0], marks=[pytest.mark.long] if " chaos " in block else [])
        for block in document("docs/cli.md").blocks("console")
        if not re.search(r" (sandbox|subscriptions) ", block)
    ]


@pytest.mark.parametrize("example", _examples())
def test_commands_print_what_is_shown(fresh_portal: "Portal", sqlite_portal: "Portal", example: str) -> None:
    typed, *shown = example.splitlines()
    found = _FLASK.fullmatch(typed.removeprefix("$ "))
    assert found
    words = found["words"].split()
    portal = fresh_portal if words[:2] == ["billing", "db"] or "--dry-run" in words else sqlite_portal
    printed = [_said(line) for line in portal.run(*words).splitlines()]
    assert [line for line in shown if _said(line) not in printed] == []


def _said(line: str) -> list[str]:
    """The words of a line, in no order: ids are new each time, and features are listed as they come."""
    return sorted(re.split(r"[\s,]+", _ID.sub("id", line).strip()))


def _steps(page: Document) -> list[str]:
    """The commands of ours in the shell blocks of a page, in order."""
    lines = [line.strip() for code in page.blocks("sh") for line in code.splitlines()]
    return [found["words"] for line in lines if (found := _FLASK.fullmatch(line))]


def test_operations_and_runbooks_can_be_followed(sqlite_portal: "Portal") -> None:
    pages = [page for page in documents() if "/runbooks/" in page.path or page.path == "docs/operations.md"]
    sqlite_portal.run("billing", "sync", "tail")
    sqlite_portal.run("billing", "sync", "drift")
    followed = [words for page in pages for words in _steps(page)]
    for words in dict.fromkeys(followed):
        sqlite_portal.run(*words.split())  # on a portal where nothing is wrong each succeeds
    assert {"billing doctor", "billing sync drift --repair", "billing events retry --all"} <= set(followed)


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.path)
def test_snippets_are_python(page: Document) -> None:
    for code in page.blocks("python"):
        compile(code, page.path, "exec")


@pytest.mark.parametrize("path", ["README.md", "docs/drop-in.md"])
def test_snippets_for_host_apps_run(tmp_path: "Path", path: str) -> None:
    app = Flask("host")
    app.config |= {"SECRET_KEY": "x", "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/host.sqlite3"}
    names = {name: getattr(billing, name) for name in billing.__all__} | {"app": app, "__name__": "snippets"}
    receivers = dict(billing.access_changed.receivers)
    snippets = document(path).blocks("python")
    try:
        for code in snippets:
            exec(compile(code, path, "exec"), names)  # noqa: S102  # the documents are ours
    finally:
        billing.access_changed.receivers.clear()
        billing.access_changed.receivers.update(receivers)
    made = names["app"]
    assert isinstance(made, Flask)
    assert "/exports" in {rule.rule for rule in made.url_map.iter_rules()}
    made.extensions["billing"].sandbox.close()
    with made.app_context():
        db.engine().dispose()
