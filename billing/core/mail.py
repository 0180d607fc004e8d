"""Mail: handed to the backend that MAIL_BACKEND names, or to the host app's own Flask-Mailman."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask_mailman import EmailMultiAlternatives, Mail

from billing.core import settings
from billing.core.settings import Settings

_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Letter:
    """A mail, whole: the same said in plain text and in HTML."""

    to: str
    subject: str
    text: str
    html: str


def config(settings: Settings) -> Mapping[str, Any]:
    """What Flask-Mailman is told, by its own names."""
    return {
        "MAIL_BACKEND": settings.mail_backend,
        "MAIL_SERVER": settings.mail_server,
        "MAIL_PORT": settings.mail_port,
        "MAIL_USE_TLS": settings.mail_use_tls,
        "MAIL_USERNAME": settings.mail_username or None,
        "MAIL_PASSWORD": settings.mail_password.get_secret_value() or None,
        "MAIL_FILE_PATH": str(settings.instance_path / "mails"),
        "MAIL_DEFAULT_SENDER": settings.mail_sender,
        "MAIL_TIMEOUT": _TIMEOUT_SECONDS,
    }


def init_app(app: Flask, settings: Settings) -> None:
    """Let `app` send mail as its settings say, unless it has a Flask-Mailman of its own: then that one does."""
    app.extensions.setdefault("mailman", Mail.init_mail(config(settings)))


def send(letter: Letter, name: str) -> None:
    """Hand the letter over; raises what the backend does. `name` is the same at each try, so that a mail that comes
    twice is recognised as one.
    """
    current = settings.current()
    message = EmailMultiAlternatives(
        letter.subject,
        letter.text,
        current.mail_sender,
        [letter.to],
        headers={"Message-ID": f"<{name}@{urlsplit(current.base_url).hostname}>", "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(letter.html, "text/html")
    message.send()
