"""Adding billing to a host app that lacks what billing needs of it."""

from pathlib import Path

import pytest
from flask import Flask

from billing import Billing
from billing.core.errors import Misconfigured


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "DATABASE_URL: not set, and the app has no SQLALCHEMY_DATABASE_URI"),
        ({"DATABASE_URL": "sqlite:///host.sqlite3"}, "SECRET_KEY: not set, neither in the settings nor in the app"),
    ],
)
def test_what_neither_the_settings_nor_the_app_say_is_asked_for(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    with pytest.raises(Misconfigured, match=words):
        Billing(Flask("host"), settings=settings | {"INSTANCE_PATH": str(tmp_path)})
