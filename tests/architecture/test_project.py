"""The guards, applied to the project as it stands."""

import pytest
from flask_security import __file__ as flask_security_file

from billing.core.settings import Settings
from tests.architecture import floors, habits, papers, refusals
from tests.architecture.tree import PROJECT, modules, production

TREE = production(PROJECT)
EVERYTHING = TREE + modules(PROJECT, "tests", "examples")

EDGES = {
    "billing/core/db.py",
    "billing/sync/inbox.py",
    "billing/sync/processor.py",
    "billing/core/migrate.py",  # between migrations, which are transactions of their own
    "billing/cli/up.py",  # the people's session is Flask-Security's, not billing's
    "billing/cli/staff.py",  # the same
    "billing/sandbox/store.py",  # a house of its own: one API call is one transaction
}
TELLING = {
    "billing/domain/access/words.py",  # says why a feature is open or closed, and what would change it
}
"""Modules whose translated sentences refuse nothing."""

LONG_FILES: dict[str, str] = {}
"""Files beyond the limit, each with the reason why it holds one idea."""


def read(path: str) -> str:
    return (PROJECT / path).read_text()


@pytest.mark.parametrize(
    "check",
    [
        floors.upward_imports,
        floors.sandbox_imports,
        floors.misplaced_libraries,
        floors.foreign_keys_to_the_right,
        habits.test_branches,
    ],
)
def test_what_ships_keeps(check: floors.Check) -> None:
    assert list(check(TREE)) == []


@pytest.mark.parametrize("check", [habits.relative_imports, habits.nameless_modules, habits.unexplained_exceptions])
def test_everything_keeps(check: floors.Check) -> None:
    assert list(check(EVERYTHING)) == []


def test_only_the_edges_commit() -> None:
    assert list(habits.commits(TREE, EDGES)) == []


def test_the_words_of_every_refusal_are_read() -> None:
    ours = [module for module in TREE if not module.path.startswith("billing/sandbox/")]  # those are Stripe's words
    assert list(refusals.unread_refusals(ours, modules(PROJECT, "tests"), TELLING)) == []


def test_files_hold_one_idea() -> None:
    assert list(habits.long_files(EVERYTHING, 400, LONG_FILES)) == []


def test_every_template_is_used() -> None:
    theirs = PROJECT.joinpath(flask_security_file).parent / "templates"
    overridden = {path.relative_to(theirs).as_posix() for path in theirs.rglob("*.*")}
    assert list(papers.dead_templates(PROJECT / "templates", TREE, overridden)) == []


def test_every_setting_is_explained() -> None:
    names = {name.upper() for name in Settings.model_fields}
    assert list(papers.unwritten_settings(names, read(".env.example"), read("docs/configuration.md"))) == []


def test_the_locks_are_in_step() -> None:
    assert (
        list(papers.stale_locks(read("pyproject.toml"), read("requirements.txt"), read("requirements-dev.txt"))) == []
    )
