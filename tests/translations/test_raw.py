"""No words of ours reach a customer in English only."""

from pathlib import Path

import pytest

from tests.architecture.tree import PROJECT, Module, modules
from tests.translations import catalogs, raw

NOT_FOR_CUSTOMERS = {
    "billing/gateway/webhooks.py",  # Stripe reads these
    "billing/domain/subscriptions/trial_ends.py",  # staff alone extend trials,
    "billing/domain/access/grants.py",  # grant,
    "billing/domain/access/policy.py",  # edit the policy
    "billing/domain/access/policy_rows.py",
    "billing/domain/catalog/queries.py",  # by keys of plans and features,
    "billing/domain/customers/queries.py",  # and look for accounts
}
SPOKEN = [
    module
    for module in modules(PROJECT, "billing/core", "billing/gateway", "billing/domain", "billing/web")
    if module.path not in NOT_FOR_CUSTOMERS
]
"""What customers meet; staff pages, commands and the sync's refusals are English."""

TEMPLATES = [
    path
    for path in sorted((PROJECT / "templates").rglob("*.*"))
    if path.is_file() and not path.relative_to(PROJECT).as_posix().startswith(catalogs.ENGLISH_ONLY)
]


def test_every_refusal_is_said_in_the_readers_language() -> None:
    assert list(raw.raw_refusals(SPOKEN)) == []


def test_every_page_is_said_in_the_readers_language() -> None:
    assert list(raw.raw_templates(PROJECT, TEMPLATES)) == []


@pytest.mark.parametrize(
    "source",
    [
        'raise Conflict("Too late.")',
        'raise errors.Conflict(f"Too late, {name}.")',
        'raise Late("Too " + late)',
        'flash("Saved.", "success")',
        'Action("Back", url)',
        'class Later(Late):\n    code, title = "late", "Too late"',
        'class Later(Late):\n    def __init__(self) -> None:\n        super().__init__("Too late.")',
    ],
)
def test_a_raw_refusal_is_named(source: str) -> None:
    kinds = Module("errors.py", "class Conflict(Refusal): ...\nclass Late(Conflict): ...")
    assert len(list(raw.raw_refusals([kinds, Module("web.py", source)]))) == 1


def test_what_is_marked_or_not_ours_to_say_is_let_be() -> None:
    source = 'raise Conflict(_("Too late."), field="day")\nraise Conflict(stripes_words)\nprint("Too late.")'
    assert list(raw.raw_refusals([Module("errors.py", "class Conflict(Refusal): ..."), Module("web.py", source)])) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Paid</p>",
        "<p>{{ day }} is the end</p>",
        '<img alt="A card">',
        "{{ ui.badge('Paid') }}",
        "{{ 'Paid' if paid else say('Open') }}",
        "{{ ui.empty(say('Nothing'), 'your first invoice') }}",
        "{% set title = 'Paid' %}",
    ],
)
def test_raw_words_of_a_page_are_named(source: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(source)
    assert len(list(raw.raw_templates(tmp_path, [page]))) == 1


def test_said_words_of_a_page_are_let_be(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<style>.card a { color: red }</style><p class="wide card" aria-label="{{ say(\'Paid by card\') }}">'
        "{{ say('Paid on %(day)s', day=ui.date(at)) }} · {{ ui.button('plain block', say('Go on')) }} PDF</p>"
    )
    assert list(raw.raw_templates(tmp_path, [page])) == []
