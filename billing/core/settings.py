"""Every setting, read once at start-up, all mistakes reported together.

`.env.example` names each with its default; `docs/configuration.md` explains them.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from flask import Flask, current_app
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from billing.core import db, queue
from billing.core.errors import Misconfigured

_EXTENSION = "billing.settings"

Mode = Literal["sandbox", "test", "live"]

_TEST_PREFIXES = ("sk_test_", "rk_test_")
_LIVE_PREFIXES = ("sk_live_", "rk_live_")
_PUBLISHABLE = re.compile(r"pk_(test|live)_\w+", re.ASCII)

_ORIGIN = re.compile(r"https?://[\w.*:\[\]-]+", re.ASCII)

_PLANS = Path(__file__).resolve().parent.parent / "plans.toml"


class Settings(BaseSettings):
    """The settings of one deployment. Field names are the environment variables, in lower case."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    # The deployment
    site_name: str = "Lumen"
    support_email: str = ""
    port: int = Field(default=5000, ge=1, le=65535)
    base_url: str = ""
    deployment_name: str = Field(default="default", max_length=100)
    instance_path: Path = Path("instance")
    database_url: str = ""
    secret_key: SecretStr = SecretStr("")
    trusted_proxies: int = Field(default=0, ge=0, le=5)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    metrics_token: SecretStr = SecretStr("")

    # Stripe
    stripe_secret_key: SecretStr = SecretStr("")
    stripe_publishable_key: str = ""
    stripe_webhook_secrets: SecretStr = SecretStr("")
    stripe_api_base: str = ""
    stripe_portal_configuration: str = ""
    stripe_hosted_origins: str = "https://checkout.stripe.com https://billing.stripe.com"
    stripe_automatic_tax: bool = False
    billing_live: bool = False
    sandbox_deliveries: Literal["background", "manual"] = "background"

    # How events are worked off
    event_processing: str = "inline"
    event_threads: int = Field(default=8, ge=1, le=64)

    # What is sold, and to whom it is open
    billing_catalog: Path = _PLANS
    billing_grace_days: int = Field(default=7, ge=0, le=90)
    billing_trial_notice_days: int = Field(default=7, ge=0, le=90)
    billing_cancel: Literal["period_end", "now", "either"] = "period_end"
    billing_cancel_credit: bool = False
    billing_retention_coupon: str = Field(default="", max_length=200)
    billing_pause: Literal["off", "indefinite", "timed", "both"] = "both"
    billing_seats: Literal["follow", "fixed"] = "follow"
    billing_locale: str = "en_US"

    # People
    staff_totp_required: bool = False
    ratelimit_storage_url: str = "memory://"
    mail_backend: Literal["console", "smtp", "file", "locmem"] = "console"
    mail_server: str = "localhost"
    mail_port: int = 25
    mail_use_tls: bool = False
    mail_username: str = ""
    mail_password: SecretStr = SecretStr("")
    mail_sender: str = "billing@example.com"
    billing_mails_off: str = ""
    billing_renewal_notice_days: int = Field(default=14, ge=1, le=60)

    @classmethod
    def load(cls, overrides: Mapping[str, object] | None = None, env_file: Path | None = Path(".env")) -> Self:
        """Settings from `env_file`, the environment and `overrides` (strongest), by upper- or lower-case name.

        Raises Misconfigured with every mistake at once, in words.
        """
        given = {name.lower(): value for name, value in (overrides or {}).items()}
        try:
            return cls(_env_file=env_file, **given)  # type: ignore[call-arg, arg-type]  # pydantic's own keyword; values are validated
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, problem['loc'])).upper()}: {problem['msg'].removeprefix('Value error, ')}"
                for problem in error.errors(include_input=False)
            ]
            raise Misconfigured("\n".join(lines)) from None

    @property
    def mode(self) -> Mode:
        """Which Stripe is spoken to: the local sandbox, Stripe with a test key, or Stripe with a live key."""
        key = self.stripe_secret_key.get_secret_value()
        if not key:
            return "sandbox"
        return "live" if key.startswith(_LIVE_PREFIXES) else "test"

    @property
    def livemode(self) -> bool:
        """Whether objects of this deployment's Stripe carry `livemode: true`."""
        return self.mode == "live"

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The webhook signing secrets in force; several while one is being rotated out."""
        return tuple(filter(None, (part.strip() for part in self.stripe_webhook_secrets.get_secret_value().split(","))))

    @property
    def mails_off(self) -> frozenset[str]:
        """The kinds of mail that are not sent."""
        return frozenset(self.billing_mails_off.replace(",", " ").split())

    # Each check is a field's own, because pydantic skips checks of the whole once a field has failed, and then those
    # mistakes would come to light one by one.

    @field_validator("base_url", "stripe_api_base")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and not (parts.scheme in ("http", "https") and parts.hostname):
            raise ValueError("must be a web address, such as https://billing.example.com")
        return value.rstrip("/")

    @field_validator("base_url")
    @classmethod
    def _ends_with_its_host(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.port == 0 or parts.path or parts.query or parts.fragment:  # reading the port refuses a wrong one
            raise ValueError("must end with its host and port, without a path")
        return value

    @field_validator("stripe_hosted_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        if wrong := [origin for origin in value.split() if not _ORIGIN.fullmatch(origin)]:
            raise ValueError(f"{wrong[0]} is not an address such as https://checkout.stripe.com")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_supported(cls, value: str) -> str:
        if value and (problem := db.problem_with(value)):
            raise ValueError(problem)
        return value

    @field_validator("event_processing")
    @classmethod
    def _is_a_way_of_working(cls, value: str) -> str:
        if value not in ("inline", "thread") and (problem := queue.problem_with(value)):
            raise ValueError(problem)
        return value

    @field_validator("billing_locale")
    @classmethod
    def _is_locale(cls, value: str) -> str:
        try:
            Locale.parse(value)
        except UnknownLocaleError:
            raise ValueError(f"there is no locale {value}; write it like en_US or de_DE") from None
        return value

    @field_validator("stripe_secret_key")
    @classmethod
    def _is_secret_key(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if key and not key.startswith(_TEST_PREFIXES + _LIVE_PREFIXES):
            raise ValueError("must be a secret or restricted key (sk_test_…, rk_live_…)")
        return value

    @field_validator("stripe_publishable_key")
    @classmethod
    def _is_of_the_secret_keys_mode(cls, value: str, info: ValidationInfo) -> str:
        found = _PUBLISHABLE.fullmatch(value)
        if value and not found:
            raise ValueError("must be a publishable key (pk_test_…, pk_live_…)")
        key = info.data.get("stripe_secret_key")
        if found is None or key is None:  # there is none, or the secret key itself is refused
            return value
        is_live = key.get_secret_value().startswith(_LIVE_PREFIXES)
        if found[1] == "live" and not is_live:
            raise ValueError("is a live key, but STRIPE_SECRET_KEY is not")
        if found[1] == "test" and is_live:
            raise ValueError("is a test key, but STRIPE_SECRET_KEY is a live one")
        return value

    @field_validator("billing_live")
    @classmethod
    def _is_what_the_key_is(cls, value: bool, info: ValidationInfo) -> bool:
        key = info.data.get("stripe_secret_key")
        if key is None:  # the key itself is refused
            return value
        is_live = key.get_secret_value().startswith(_LIVE_PREFIXES)
        if is_live and not value:
            raise ValueError("STRIPE_SECRET_KEY is a live key; set BILLING_LIVE=true to charge real cards")
        if value and not is_live:
            raise ValueError("is true, but STRIPE_SECRET_KEY is not a live key")
        return value

    @field_validator("billing_catalog")
    @classmethod
    def _is_file(cls, value: Path) -> Path:
        if not value.is_file():
            raise ValueError(f"there is no file {value}")
        return value

    @model_validator(mode="after")
    def _is_at_home_by_default(self) -> Self:
        self.base_url = self.base_url or f"http://localhost:{self.port}"
        return self


def current() -> Settings:
    """The settings of the current app."""
    return current_app.extensions[_EXTENSION]  # type: ignore[no-any-return]  # extensions are untyped


def init_app(app: Flask, settings: Settings) -> None:
    """Give `app` its settings."""
    app.extensions[_EXTENSION] = settings
