"""Every word is translated: what the code says, the catalogs have, with the same values in it."""

import ast

import pytest
from babel.messages import Catalog

from tests.architecture.tree import PROJECT, production
from tests.translations import catalogs


@pytest.mark.parametrize("language", catalogs.translated())
def test_the_catalog_is_what_the_code_says(language: str) -> None:
    now = catalogs.updated(language)
    assert list(catalogs.problems(now)) == []
    assert catalogs.path(language).read_bytes() == catalogs.written(now), "make translations"


def test_nothing_that_is_marked_is_overlooked() -> None:
    """Within another marked call, for one, extraction sees nothing."""
    known = {form for message in catalogs.extracted() for form in catalogs.forms(message.id)}
    marked = {
        node.args[0].value
        for module in production(PROJECT)
        for node in module.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"N_", "_", "ngettext"}
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert marked - known == set()


@pytest.mark.parametrize(
    ("english", "said", "problem"),
    [
        ("Paid", "", "de: 'Paid' is not translated"),
        ("Paid by %(name)s", "Bezahlt von %(nmae)s", "de: 'Bezahlt von %(nmae)s' has ['%(nmae)s'], its English"),
        ("<b>Paid</b>", "Bezahlt", "de: 'Bezahlt' has [], its English"),
        (("%(count)s seat", "%(count)s seats"), ("%(count)s Platz", ""), "is not translated"),
    ],
)
def test_what_is_missing_is_named(english: str | tuple[str, str], said: str | tuple[str, str], problem: str) -> None:
    catalog = Catalog(locale="de")
    catalog.add(english, said)
    (found,) = catalogs.problems(catalog)
    assert problem in found


def test_a_doubtful_translation_is_none() -> None:
    catalog = Catalog(locale="de")
    catalog.add("Paid", "Bezahlt", flags=["fuzzy"])
    assert len(list(catalogs.problems(catalog))) == 1
    catalog.add("Open", "Offen")
    assert len(list(catalogs.problems(catalog))) == 1
