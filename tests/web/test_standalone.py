"""The standalone portal: what it fills in by itself, and what not."""

from pathlib import Path

import pytest

from billing.core.errors import Misconfigured
from billing.web import standalone


def test_a_key_of_its_own_is_made_once(tmp_path: Path) -> None:
    first, second = (standalone.load_settings({"INSTANCE_PATH": str(tmp_path)}).secret_key for _ in range(2))
    assert first.get_secret_value() == second.get_secret_value() == (tmp_path / "secret_key").read_text()


def test_real_money_wants_a_key_that_is_given(tmp_path: Path) -> None:
    live = {"STRIPE_SECRET_KEY": "sk_live_x", "BILLING_LIVE": "true", "INSTANCE_PATH": str(tmp_path)}
    with pytest.raises(Misconfigured, match="SECRET_KEY: must be set when BILLING_LIVE=true, the same on every host"):
        standalone.load_settings(live)
    assert standalone.load_settings(live | {"SECRET_KEY": "given"}).secret_key.get_secret_value() == "given"
