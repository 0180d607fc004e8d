"""The mails: what was sent, and what each kind looks like."""

from typing import Any

from flask import Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.pages import admin
from billing.core import i18n
from billing.core.errors import NotFound
from billing.core.mail import Letter
from billing.notifications import letters, queries, samples
from billing.notifications.happenings import KINDS
from billing.notifications.models import Mail
from billing.web import headers

_TONES = {"waiting": "warn", "sent": "good", "failed": "bad"}

_FRAMED = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; form-action 'none'; base-uri 'none'"
"""A letter has its styles inline, as mail programs want them, and nothing else."""


@admin.get("/admin/mail", endpoint="mail")
def mail_page() -> ResponseReturnValue:
    """Every mail, newest first, and the kinds to look at."""
    page = queries.page(request.args.get("cursor"))
    return render_template(
        "billing/admin/mail.html",
        mails=[mail_row(row) for row in page.rows],
        kinds=[(_spelled(kind), url_for("billing_admin.mail_preview", kind=kind)) for kind in KINDS],
        next_url=url_for("billing_admin.mail", cursor=page.older) if page.older else None,
        prev_url=url_for("billing_admin.mail", cursor=page.newer) if page.newer else None,
    )


@admin.get("/admin/mail/<kind>", endpoint="mail_preview")
def preview(kind: str) -> ResponseReturnValue:
    """A kind of mail with made-up data, as text and as HTML."""
    language = _language()
    letter = _letter(kind, language)
    page = render_template(
        "billing/admin/mail_preview.html",
        name=_spelled(kind),
        letter=letter,
        shown_in=language,
        choices=[
            (name, code, url_for("billing_admin.mail_preview", kind=kind, language=code))
            for code, name in i18n.LANGUAGES.items()
        ],
        html_url=url_for("billing_admin.mail_html", kind=kind, language=language),
    )
    return headers.allow(make_response(page), {"frame-src": "'self'"})


@admin.get("/admin/mail/<kind>/html", endpoint="mail_html")
def preview_html(kind: str) -> Response:
    """Its HTML alone."""
    response = make_response(_letter(kind, _language()).html)
    response.headers["Content-Security-Policy"] = _FRAMED
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def mail_row(row: Mail) -> dict[str, Any]:
    """A mail as lists show it."""
    return {
        "kind": _spelled(row.kind),
        "to": row.to,
        "state": row.state,
        "tone": _TONES[row.state],
        "at": row.sent_at or row.caused_at,
        "error": row.error,
        "account_url": url_for("billing_admin.account", account_id=row.account_id),
    }


def _language() -> str:
    language = request.args.get("language", "en")
    return language if language in i18n.LANGUAGES else "en"


def _letter(kind: str, language: str) -> Letter:
    if kind not in KINDS:
        raise NotFound("There is no such kind of mail.")
    return letters.compose(samples.sample(kind), "ada@example.com", language)


def _spelled(kind: str) -> str:
    return kind.replace("_", " ").capitalize()
