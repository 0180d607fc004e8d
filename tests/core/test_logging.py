"""Logs: readable by people or machines, with the request's id, and without what must stay secret."""

import json
import logging as stdlib
from collections.abc import Iterator

import pytest

from billing.core import logging
from billing.core.settings import Settings


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """A test's set-up of the process's logs ends with it."""
    root = stdlib.getLogger()
    handlers, level = root.handlers[:], root.level
    quiet = {name: stdlib.getLogger(name).level for name in ("alembic", "stripe", "werkzeug")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, its_level in quiet.items():
        stdlib.getLogger(name).setLevel(its_level)
    logging.unbind_request()


def test_json_has_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("INFO", "json")
    log = logging.get_logger("billing.test")
    log.debug("unseen")
    log.info("seen", customer="cus_1")
    try:
        raise ZeroDivisionError("by nought")
    except ZeroDivisionError:
        log.exception("broke")
    seen, broke = map(json.loads, capsys.readouterr().err.splitlines())
    assert (seen["event"], seen["level"], seen["customer"]) == ("seen", "info", "cus_1")
    assert seen["timestamp"].endswith("Z")
    assert "by nought" in broke["exception"]


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("WARNING", "text")
    log = logging.get_logger("billing.test")
    log.info("unseen")
    log.warning("seen", customer="cus_1")
    [line] = capsys.readouterr().err.splitlines()
    assert "seen" in line
    assert "customer=cus_1" in line
    assert "\x1b" not in line


def test_every_line_of_a_request_carries_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("INFO", "json")
    log = logging.get_logger("billing.test")
    logging.bind_request("req-1")
    assert logging.request_id() == "req-1"
    log.info("inside")
    logging.unbind_request()
    assert logging.request_id() is None
    log.info("outside")
    inside, outside = map(json.loads, capsys.readouterr().err.splitlines())
    assert inside["request_id"] == "req-1"
    assert "request_id" not in outside


def test_settings_in_a_log_line_keep_their_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("INFO", "json")
    secrets = {"STRIPE_SECRET_KEY": "sk_test_hunter2", "SECRET_KEY": "hunter2", "MAIL_PASSWORD": "hunter2"}
    logging.get_logger("billing.test").info("started", settings=repr(Settings.load(secrets, env_file=None)))
    assert "hunter2" not in capsys.readouterr().err


def test_the_sdks_debug_lines_stay_out(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("DEBUG", "text")
    stdlib.getLogger("stripe").info("api_key=sk_test_hunter2")
    assert "hunter2" not in capsys.readouterr().err
