"""Setting up Flask-Security: registration, sign-in, recovery, TOTP, and what guards them."""

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, request, url_for
from flask_login import current_user
from flask_mailman import Mail
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security.totp import Totp
from sqlalchemy import delete

from billing.core import mail, migrate, ratelimit
from billing.core.errors import Action, Forbidden
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.settings import Settings
from billing.domain.accounts.service import AccountRef
from billing.sync.signals import AccountDeleted, account_deleted
from billing.web.blueprint import check_csrf
from billing.web.identity import words
from billing.web.identity.models import Role, User, db, user_roles
from billing.web.visitor import Hosts

MIGRATIONS = Path(__file__).resolve().parent / "migrations"

_GUARDED = frozenset(
    f"security.{name}"
    for name in (
        "change_password",
        "forgot_password",
        "login",
        "mf_recovery",
        "register",
        "reset_password",
        "two_factor_rescue",
        "two_factor_token_validation",
        "verify",
    )
)
_LIMIT_BY_ADDRESS = "20 per minute"
_LIMIT_BY_EMAIL = "10 per 5 minutes"
_COOKIE_LIFETIME_SECONDS = 30 * 24 * 3600


class SecondFactorNeeded(Forbidden):
    """Staff must set up two-factor sign-in before the admin pages open."""

    code = "second_factor_needed"


class OnceOnlyTotp(Totp):
    """TOTP codes that are accepted once: the counter of the last one is kept with the user."""

    def get_last_counter(self, user: Any) -> int | None:
        """The counter of the last accepted code."""
        counter: int | None = user.tf_last_counter
        return counter

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        """Keep the counter of the code that was just accepted."""
        user.tf_last_counter = tmatch.counter
        db.session.add(user)


def datastore() -> SQLAlchemyUserDatastore:
    """Where Flask-Security keeps users and roles."""
    return SQLAlchemyUserDatastore(db, User, Role)


def init_app(app: Flask, settings: Settings) -> None:
    """Give `app` its people. The app's SECRET_KEY must be set."""
    https = settings.base_url.startswith("https://")
    app.config.update(
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings.database_url),
        SQLALCHEMY_DATABASE_URI=_driver_named(settings.database_url),
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=https,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_DURATION=_COOKIE_LIFETIME_SECONDS,
        TRUSTED_HOSTS=_trusted_hosts(settings.base_url),
        **mail.config(settings),
        SECURITY_EMAIL_SENDER=settings.mail_sender,
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106  # the name of a scheme
        SECURITY_PASSWORD_SALT=_derived(app, "password salt"),
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},  # a DNS query on sign-up is a way to hang
        SECURITY_REGISTERABLE=True,
        SECURITY_RECOVERABLE=True,
        SECURITY_CHANGEABLE=True,
        SECURITY_TWO_FACTOR=True,
        SECURITY_TWO_FACTOR_ENABLED_METHODS=["authenticator"],
        SECURITY_TWO_FACTOR_RESCUE_EMAIL=False,
        SECURITY_TWO_FACTOR_RESCUE_MAIL=settings.mail_sender,  # who asks for help writes here
        SECURITY_TWO_FACTOR_ALWAYS_VALIDATE=False,
        SECURITY_TOTP_SECRETS={"1": _derived(app, "totp secrets")},
        SECURITY_TOTP_ISSUER=settings.site_name,
        SECURITY_MULTI_FACTOR_RECOVERY_CODES=True,
        SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS=[_derived(app, "recovery codes")],
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_POST_LOGIN_VIEW="/app",
        SECURITY_POST_REGISTER_VIEW="/app",
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_MSG_GENERIC_AUTHN_FAILED=(N_("The e-mail address or the password is wrong."), "error"),
        SECURITY_MSG_INVALID_RECOVERY_CODE=(N_("That code is wrong or has been used already."), "error"),
        SECURITY_MSG_PASSWORD_RESET_REQUEST=(N_("If %(email)s has an account, a link is on its way there."), "info"),
        SECURITY_MSG_REAUTHENTICATION_REQUIRED=(N_("Please enter your password once more to go on."), "info"),
        SECURITY_MSG_TWO_FACTOR_INVALID_TOKEN=(N_("That code is wrong or has been used already."), "error"),
    )
    db.init_app(app)
    migrate.follow(app.extensions, MIGRATIONS)
    Mail(app)
    Security(app, datastore(), totp_cls=OnceOnlyTotp)
    words.init_app(app)
    # People sign in by their session alone. Flask-Security's loader would look for a token in every JSON body, also in
    # one that is too large to be read.
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]  # Flask-Login puts it there
    account_deleted.connect(_forget_person, sender=app)
    app.before_request(_limit_rate)
    app.before_request(_check_sign_out)


def _engine_options(url: str) -> dict[str, Any]:
    """Errors are logged without what was to be written: rows hold password hashes. On SQLite writers take turns."""
    waiting = {"connect_args": {"timeout": 30}} if url.startswith("sqlite") else {}
    return {"hide_parameters": True, **waiting}


def _forget_person(_app: Flask, event: AccountDeleted) -> None:
    """Let nobody sign in any more as whose account was deleted; the sessions they have end with it."""
    kind, _, user_id = event.account_key.partition(":")
    if kind == "user" and user_id.isdecimal():
        with db.engine.begin() as connection:
            connection.execute(delete(user_roles).where(user_roles.c.user_id == int(user_id)))
            connection.execute(delete(User).where(User.id == int(user_id)))


def _driver_named(url: str) -> str:
    """Flask-SQLAlchemy's URL: SQLAlchemy is told which PostgreSQL driver there is."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _trusted_hosts(base_url: str) -> list[str]:
    """The hosts requests may name. Links in mails are made from the Host header, so it must be ours."""
    host = urlsplit(base_url).hostname or ""
    return [host, "127.0.0.1", "localhost"] if host in ("127.0.0.1", "localhost") else [host]


def _derived(app: Flask, purpose: str) -> str:
    """A key for one purpose, from the app's secret key: 32 bytes, URL-safe base64."""
    digest = hmac.digest(str(app.config["SECRET_KEY"]).encode(), purpose.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode()


def _limit_rate() -> None:
    if request.method != "POST" or request.endpoint not in _GUARDED:
        return
    ratelimit.hit(str(request.endpoint), request.remote_addr or "", _LIMIT_BY_ADDRESS)
    email = request.form.get("email", "").strip().lower()
    if email:
        ratelimit.hit(f"{request.endpoint} for", email, _LIMIT_BY_EMAIL)


def _check_sign_out() -> None:
    """Flask-Security checks the token of each of its forms, but has none for signing out."""
    if request.method == "POST" and request.endpoint == "security.logout":
        check_csrf()


def hosts(settings: Settings) -> Hosts:
    """What the standalone portal tells of its visitors."""

    def account() -> AccountRef | None:
        if not current_user or not current_user.is_authenticated:
            return None
        # Not get_id(): that one changes with the password, to end the sessions elsewhere.
        return AccountRef(f"user:{current_user.id}", current_user.email, current_user.email)

    def is_staff() -> bool:
        return bool(current_user and current_user.is_authenticated and current_user.has_staff_role())

    def check_staff() -> None:
        if settings.staff_totp_required and not current_user.tf_primary_method:
            raise SecondFactorNeeded(
                _("Staff sign in with a second factor. Set it up, then come back."),
                actions=(Action(_("Set up two-factor sign-in"), url_for("security.two_factor_setup")),),
            )

    def sign_in_url(next_path: str) -> str:
        return f"{url_for('security.login')}?{urlencode({'next': next_path})}"

    return Hosts(account, is_staff, check_staff, sign_in_url, people_make_teams=True, is_standalone=True)
