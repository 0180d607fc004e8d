"""Settings: read from anywhere, every mistake told at once, real money only on purpose."""

from pathlib import Path

import pytest
from flask import Flask

from billing.core import settings
from billing.core.errors import Misconfigured
from billing.core.settings import Settings


def load(**overrides: object) -> Settings:
    return Settings.load(overrides, env_file=None)


def refusal(**overrides: object) -> list[str]:
    with pytest.raises(Misconfigured) as refused:
        load(**overrides)
    return str(refused.value).splitlines()


def test_nothing_set_is_the_sandbox() -> None:
    loaded = load()
    assert loaded.mode == "sandbox"
    assert not loaded.livemode
    assert loaded.base_url == "http://localhost:5000"
    assert loaded.webhook_secrets == ()


@pytest.mark.parametrize(
    ("key", "live", "mode"),
    [
        ("sk_test_a", False, "test"),
        ("rk_test_a", False, "test"),
        ("sk_live_a", True, "live"),
        ("rk_live_a", True, "live"),
        ("sk_test_a_live_b", False, "test"),
    ],
)
def test_the_key_decides_the_mode(key: str, live: bool, mode: str) -> None:
    loaded = load(stripe_secret_key=key, billing_live=live)
    assert (loaded.mode, loaded.livemode) == (mode, mode == "live")


@pytest.mark.parametrize("key", ["pk_test_a", "whsec_a", "live", "sk_"])
def test_what_is_no_secret_key_is_refused(key: str) -> None:
    [line] = refusal(stripe_secret_key=key)
    assert line.startswith("STRIPE_SECRET_KEY: must be a secret or restricted key")
    assert key not in line.replace("sk_test_", "").replace("rk_live_", "").split()


def test_a_live_key_needs_a_word_of_consent() -> None:
    [line] = refusal(stripe_secret_key="sk_live_a")
    assert line == "BILLING_LIVE: STRIPE_SECRET_KEY is a live key; set BILLING_LIVE=true to charge real cards"


@pytest.mark.parametrize("key", ["", "sk_test_a"])
def test_consent_without_a_live_key_is_a_mistake(key: str) -> None:
    [line] = refusal(stripe_secret_key=key, billing_live=True)
    assert line == "BILLING_LIVE: is true, but STRIPE_SECRET_KEY is not a live key"


@pytest.mark.parametrize("key", ["sk_test_a", "pk_a", "pk_test_", "pk_test_a b"])
def test_what_is_no_publishable_key_is_refused(key: str) -> None:
    [line] = refusal(stripe_publishable_key=key)
    assert line == "STRIPE_PUBLISHABLE_KEY: must be a publishable key (pk_test_…, pk_live_…)"


@pytest.mark.parametrize(
    ("secret", "publishable", "words"),
    [
        ("sk_live_a", "pk_test_a", "is a test key, but STRIPE_SECRET_KEY is a live one"),
        ("rk_test_a", "pk_live_a", "is a live key, but STRIPE_SECRET_KEY is not"),
        ("", "pk_live_a", "is a live key, but STRIPE_SECRET_KEY is not"),
    ],
)
def test_the_keys_must_be_of_one_mode(secret: str, publishable: str, words: str) -> None:
    lines = refusal(
        stripe_secret_key=secret, stripe_publishable_key=publishable, billing_live=secret.startswith("sk_live")
    )
    assert lines == [f"STRIPE_PUBLISHABLE_KEY: {words}"]


@pytest.mark.parametrize(("secret", "publishable"), [("sk_live_a", "pk_live_a"), ("rk_test_a", "pk_test_a")])
def test_keys_of_one_mode_go_together(secret: str, publishable: str) -> None:
    loaded = load(stripe_secret_key=secret, stripe_publishable_key=publishable, billing_live=secret == "sk_live_a")
    assert loaded.stripe_publishable_key == publishable


def test_every_mistake_is_told_at_once() -> None:
    lines = refusal(
        PORT=0,
        base_url="portal.example.com",
        stripe_secret_key="nonsense",
        billing_catalog="/nowhere/plans.toml",
        log_level="LOUD",
        billing_grace_days=91,
    )
    assert {line.partition(":")[0] for line in lines} == {
        "BASE_URL",
        "BILLING_CATALOG",
        "BILLING_GRACE_DAYS",
        "LOG_LEVEL",
        "PORT",
        "STRIPE_SECRET_KEY",
    }
    assert len(lines) == 6
    assert "BILLING_CATALOG: there is no file /nowhere/plans.toml" in lines


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://queue.sqlite3"])
def test_a_queue_on_sqlite_is_in_a_file(url: str) -> None:
    [line] = refusal(event_processing=url)
    assert line == "EVENT_PROCESSING: must name a file, which processes can share: sqlite:///…"
    assert load(event_processing="sqlite:///queue.sqlite3").event_processing == "sqlite:///queue.sqlite3"


def test_a_mistake_never_repeats_a_secret() -> None:
    assert "hunter2" not in "\n".join(refusal(stripe_secret_key="hunter2", port="hunter2"))


@pytest.mark.parametrize("secret", ["secret_key", "stripe_secret_key", "stripe_webhook_secrets", "mail_password"])
def test_secrets_do_not_show_when_settings_are_printed(secret: str) -> None:
    value = "sk_test_hunter2"
    assert value not in repr(load(**{secret: value}))


@pytest.mark.parametrize("name", ["base_url", "stripe_api_base"])
def test_addresses_lose_their_last_slash(name: str) -> None:
    assert getattr(load(**{name: "https://portal.example.com/"}), name) == "https://portal.example.com"


@pytest.mark.parametrize("name", ["base_url", "stripe_api_base"])
@pytest.mark.parametrize("value", ["portal.example.com", "ftp://portal.example.com", "https://", "//example.com"])
def test_addresses_must_be_web_addresses(name: str, value: str) -> None:
    [line] = refusal(**{name: value})
    assert line == f"{name.upper()}: must be a web address, such as https://billing.example.com"


def test_the_address_follows_the_port_unless_it_is_set() -> None:
    assert load(port=8000).base_url == "http://localhost:8000"
    assert load(port=8000, base_url="https://portal.example.com").base_url == "https://portal.example.com"


def test_several_webhook_secrets_may_be_in_force() -> None:
    assert load(stripe_webhook_secrets=" whsec_new , whsec_old,, ").webhook_secrets == ("whsec_new", "whsec_old")


def test_overrides_beat_the_environment_and_that_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / "settings.env"
    env_file.write_text("SITE_NAME=file\nBILLING_LOCALE=de_DE\nPORT=7000\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("SITE_NAME", "environment")
    monkeypatch.setenv("PORT", "7001")
    loaded = Settings.load({"PORT": 7002}, env_file)
    assert (loaded.billing_locale, loaded.site_name, loaded.port) == ("de_DE", "environment", 7002)


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert load().port == 5000


def test_an_app_keeps_its_settings() -> None:
    app, other, mine = Flask("one"), Flask("two"), load()
    settings.init_app(app, mine)
    settings.init_app(other, load(port=1))
    with app.app_context():
        assert settings.current() is mine


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("base_url", "https://billing.example.com/portal", "must end with its host and port, without a path"),
        ("base_url", "https://billing.example.com?a=b", "must end with its host and port, without a path"),
        ("base_url", "https://billing.example.com:99999", "Port out of range 0-65535"),
        ("database_url", "portal.sqlite3", "must be sqlite:///… or postgresql://…"),
        ("database_url", "mysql://root:secret@db/portal", "mysql is not supported; use SQLite or PostgreSQL"),
        ("billing_locale", "xx_YY", "there is no locale xx_YY; write it like en_US or de_DE"),
        ("billing_locale", "german", "there is no locale german; write it like en_US or de_DE"),
        ("stripe_hosted_origins", "https://a.example b;c", "b;c is not an address such as https://checkout.stripe.com"),
    ],
)
def test_what_would_fail_later_is_told_at_once(name: str, value: str, words: str) -> None:
    assert refusal(**{name: value, "port": "five"}) == [
        "PORT: Input should be a valid integer, unable to parse string as an integer",
        f"{name.upper()}: {words}",
    ]
