"""How commands answer: as written, in whatever width, refusals in words."""

import json
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from billing.cli.output import refusing_in_words, say, say_json, say_table
from billing.core.errors import Conflict, Misconfigured


def test_a_line_may_have_marks(capsys: pytest.CaptureFixture[str]) -> None:
    say("The [bold]portal[/] is open.")
    assert capsys.readouterr().out == "The portal is open.\n"


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"at": datetime(2026, 3, 2, tzinfo=UTC), "words": "a\nb"})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"at": "2026-03-02T00:00:00+00:00", "words": "a\nb"}


def test_a_table_shows_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say_table(["Plan", "Prices"], [("Pro [beta]", "$12.00\n$120.00"), ("[/]", "free")])
    out = capsys.readouterr().out
    assert "Pro [beta]" in out
    assert "[/]" in out
    assert [line.split()[0] for line in out.splitlines() if line.strip()] == ["Plan", "Pro", "$120.00", "[/]"]


@pytest.mark.parametrize(
    ("error", "words"), [(Conflict("Moved on."), "Moved on. (conflict)"), (Misconfigured("PORT: no"), "PORT: no")]
)
def test_a_refusal_is_words_and_an_exit_code(error: Exception, words: str) -> None:
    @click.command()
    @refusing_in_words
    def command() -> None:
        raise error

    result = CliRunner().invoke(command)
    assert (result.exit_code, result.output) == (1, f"Error: {words}\n")


def test_a_bug_stays_a_bug() -> None:
    @click.command()
    @refusing_in_words
    def command() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(command).exception, ZeroDivisionError)
