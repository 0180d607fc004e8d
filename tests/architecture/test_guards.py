"""The guards can fail: each is shown a small made-up tree with one fault in it."""

from pathlib import Path

import pytest

from tests.architecture import floors, habits, papers, refusals
from tests.architecture.tree import Module


def tree(**sources: str) -> list[Module]:
    """Modules by dotted name, `__` for each dot."""
    return [Module(name.replace("__", "/") + ".py", source) for name, source in sources.items()]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("billing__core__db", "from billing.gateway import customers"),
        ("billing__gateway__client", "import billing.domain.customers.models"),
        ("billing__domain__customers__service", "from billing.domain.invoices import queries"),
        ("billing__domain__invoices__service", "def f():\n    from billing.sync import inbox"),
        ("billing__sync__inbox", "from billing.web import pages"),
        ("billing__web__pages", "from billing import Billing"),
        ("billing__web__pages", "from app import create_app"),
        ("billing__sync__inbox", "from billing.sandbox import Sandbox"),
        ("billing__odds__ends", ""),
        ("billing__domain__gadgets__models", ""),
    ],
)
def test_an_upward_import_is_named(module: str, source: str) -> None:
    assert len(list(floors.upward_imports(tree(**{module: source})))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("billing__sync__inbox", "from billing.domain.invoices import service"),
        ("billing__domain__invoices__service", "from billing.domain.customers import queries"),
        ("billing__domain__invoices__service", "from billing.domain.invoices import models"),
        ("billing__web__pages", "from billing.sandbox import Sandbox"),
        ("billing__sandbox__store", "from billing.core import money"),
        ("app", "from billing import Billing"),
    ],
)
def test_a_downward_import_is_free(module: str, source: str) -> None:
    assert list(floors.upward_imports(tree(**{module: source}))) == []


def test_a_package_without_init_is_seen_too() -> None:
    faulty = tree(
        billing__domain__customers__service="from billing.domain import access", billing__domain__access__rules=""
    )
    (found,) = floors.upward_imports(faulty)
    assert "imports billing.domain.access" in found


def test_the_sandbox_imports_the_core_alone() -> None:
    faulty = tree(billing__sandbox__store="from billing.core import money\nfrom billing.gateway import client")
    assert len(list(floors.sandbox_imports(faulty))) == 1


@pytest.mark.parametrize(
    "source", ["import stripe", "from stripe import Event", "import flask_security", "import click"]
)
def test_a_library_out_of_place_is_named(source: str) -> None:
    assert len(list(floors.misplaced_libraries(tree(billing__core__mail=source)))) == 1
    assert list(floors.misplaced_libraries(tree(billing__gateway__client="import stripe.params"))) == []


def test_a_foreign_key_to_the_right_is_named() -> None:
    customers = '__tablename__ = "billing_customers"\ninvoice_id = mapped_column(ForeignKey("billing_invoices.id"))'
    invoices = '__tablename__ = "billing_invoices"\ncustomer_id = mapped_column(ForeignKey("billing_customers.id"))'
    faulty = tree(billing__domain__customers__models=customers, billing__domain__invoices__models=invoices)
    (found,) = floors.foreign_keys_to_the_right(faulty)
    assert "billing_invoices" in found


def test_a_commit_elsewhere_is_named() -> None:
    committing = tree(billing__core__db="session.commit()", billing__web__pages="db.session().commit()")
    (found,) = habits.commits(committing, {"billing/core/db.py"})
    assert "billing/web/pages.py:1" in found


@pytest.mark.parametrize("source", ["from . import models", "from ..core import db"])
def test_a_relative_import_is_named(source: str) -> None:
    assert len(list(habits.relative_imports(tree(billing__web__pages=source)))) == 1


@pytest.mark.parametrize("name", ["billing__core__utils", "billing__utils__dates", "tests__helpers"])
def test_a_nameless_module_is_named(name: str) -> None:
    assert len(list(habits.nameless_modules(tree(**{name: ""})))) == 1


@pytest.mark.parametrize(
    "source",
    [
        'app.config["TESTING"]',
        "app.testing",
        '"PYTEST_CURRENT_TEST" in environ',
        "import pytest",
        "from tests import x",
    ],
)
def test_a_test_branch_is_named(source: str) -> None:
    assert list(habits.test_branches(tree(billing__core__db=source)))


@pytest.mark.parametrize("excuse", ["noqa", "noqa: S603", "type: ignore[arg-type]", "pragma: no cover"])
def test_an_excuse_needs_its_reason(excuse: str) -> None:
    bare = tree(billing__core__db=f"x = 1  # {excuse}")
    explained = tree(billing__core__db=f"x = 1  # {excuse}  # the library has no types")
    assert len(list(habits.unexplained_exceptions(bare))) == 1
    assert list(habits.unexplained_exceptions(explained)) == []


TOLD = [
    'raise Invalid(_("Choose a red pill first."))',
    'raise Invalid(f"Choose a {colour} pill first.")',
    'super().__init__("Choose a red pill first.")',
    'abort(415, "Choose a red pill first.")',
    'def why_not():\n    return _("Choose a red pill first.")',
    'WHY = N_("Choose a red pill first.")',
    'ngettext("Choose a red pill first.", "Choose red pills first.", 1)',
]


@pytest.mark.parametrize("source", TOLD)
def test_a_refusal_nobody_reads_is_named(source: str) -> None:
    refusing = tree(billing__domain__pills=source)
    silent = tree(tests__test_pills='assert "Choose" in page and "first." in page')
    reading = tree(tests__test_pills="assert '… a red pill first, please; red pills first' in page\nf'{a} pill first'")
    assert len(list(refusals.unread_refusals(refusing, silent, set()))) == source.count("pill")
    assert list(refusals.unread_refusals(refusing, reading, set())) == []


def test_what_refusals_share_is_no_quotation_of_either() -> None:
    pills = 'raise NotFound("There is no such pill.")\nraise NotFound("There is no such spoon.")'
    (found,) = refusals.unread_refusals(
        tree(billing__web__pills=pills), tree(tests__test_pills='"There is no such spoon."'), set()
    )
    assert "billing/web/pills.py:1" in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("billing__web__pills", 'flash(_("Choose a red pill first."))'),
        ("billing__domain__telling", '_("Choose a red pill first.")'),
        ("billing__domain__pills", '_("Choose a red pill")'),
        ("billing__domain__pills", "raise Invalid(name)"),
    ],
)
def test_what_refuses_nothing_may_go_unread(module: str, source: str) -> None:
    telling = {"billing/domain/telling.py"}
    assert list(refusals.unread_refusals(tree(**{module: source}), tree(tests__test_pills=""), telling)) == []


def test_long_files_and_idle_exceptions_are_named() -> None:
    long, short = tree(long="\n" * 11, short="\n")
    assert len(list(habits.long_files([long, short], 10, {}))) == 1
    assert list(habits.long_files([long, short], 10, {"long.py": "one table"})) == []
    assert len(list(habits.long_files([short], 10, {"short.py": "one table"}))) == 1


def test_a_dead_template_is_named(tmp_path: Path) -> None:
    (tmp_path / "security").mkdir()
    (tmp_path / "base.html").write_text("{% block x %}{% endblock %}")
    (tmp_path / "live.html").write_text("{% extends 'base.html' %}")
    (tmp_path / "dead.html").write_text("")
    (tmp_path / "security" / "login.html").write_text("")
    rendering = tree(billing__web__pages='render_template("live.html")')
    (found,) = papers.dead_templates(tmp_path, rendering, {"security/login.html"})
    assert "dead.html" in found


@pytest.mark.parametrize(
    ("env_example", "configuration", "complaint"),
    [
        ("# The database in use.\nDATABASE_URL=\n", "", "DATABASE_URL is not explained in docs"),
        ("", "| `DATABASE_URL` | where |", "DATABASE_URL is not explained in .env"),
        ("DATABASE_URL=\n", "| `DATABASE_URL` | where |", "DATABASE_URL is not explained in .env"),
        ("# The database in use.\nDATABASE_URL=\nOLD=\n", "| `DATABASE_URL` | where |\n| `OLD` | x |", "explains OLD"),
    ],
)
def test_settings_and_their_papers_agree(env_example: str, configuration: str, complaint: str) -> None:
    found = papers.unwritten_settings({"DATABASE_URL"}, env_example, configuration)
    assert any(complaint in line for line in found)


def test_explained_settings_pass() -> None:
    explained = "# The database in use.\nDATABASE_URL=\n\n# Who pays the bill.\n#PAYER=\n"
    table = "| `DATABASE_URL` | where |\n| `PAYER` | who |"
    assert list(papers.unwritten_settings({"DATABASE_URL", "PAYER"}, explained, table)) == []


def test_an_undocumented_command_is_named() -> None:
    docs = ["Run `flask billing catalog apply`."]
    (found,) = papers.undocumented_commands(["billing catalog apply", "billing reconcile"], docs)
    assert "reconcile" in found


PYPROJECT = '[project]\ndependencies = ["flask>=3"]\n[dependency-groups]\ndev = ["pytest>=9"]\n'


@pytest.mark.parametrize(
    ("lock", "dev_lock", "complaint"),
    [
        ("", "flask==3.1\npytest==9.1\n", "requirements.txt pins flask to None"),
        ("flask==2.3\n", "flask==2.3\npytest==9.1\n", "pins flask to 2.3"),
        ("flask==3.1\n", "flask==3.1\n", "requirements-dev.txt pins pytest to None"),
        ("flask==3.1\n", "flask==3.2\npytest==9.1\n", "differ on flask"),
        ("--index-url https://x.example\nflask==3.1\n", "flask==3.1\npytest==9.1\n", "holds an address"),
    ],
)
def test_a_stale_lock_is_named(lock: str, dev_lock: str, complaint: str) -> None:
    assert any(complaint in line for line in papers.stale_locks(PYPROJECT, lock, dev_lock))


def test_a_lock_in_step_passes() -> None:
    assert list(papers.stale_locks(PYPROJECT, "flask==3.1\n", "flask==3.1\npytest==9.1\n")) == []
