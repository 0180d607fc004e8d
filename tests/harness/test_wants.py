"""What a machine lacks is said once, and forgiven only where people work."""

import pytest

from tests.support.wants import missing


def test_a_want_skips_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Fax tests: no line"):
        missing("Fax", "no line")


def test_a_want_fails_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Fax tests must run under CI: no line"):
        missing("Fax", "no line")
