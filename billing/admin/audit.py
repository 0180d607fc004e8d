"""The audit trail as staff read it."""

import json
from collections.abc import Sequence
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.pages import admin
from billing.core import audit
from billing.core.audit import AuditEntry
from billing.domain.accounts import service as accounts

_RECENT = 10


@admin.get("/admin/audit", endpoint="audit")
def audit_page() -> ResponseReturnValue:
    """Every change made by hand, newest first; of one account alone, where `about` names it."""
    about = request.args.get("about", "").strip()[:255]
    page = audit.page(request.args.get("cursor"), about)
    rows = entry_rows(page.rows)
    query: dict[str, Any] = {"about": about} if about else {}
    return render_template(
        "billing/admin/audit.html",
        entries=rows,
        about=_name(about, accounts.by_uid([about])) if about else None,
        next_url=url_for("billing_admin.audit", cursor=page.older, **query) if page.older else None,
        prev_url=url_for("billing_admin.audit", cursor=page.newer, **query) if page.newer else None,
    )


def recent(subject: str) -> list[dict[str, Any]]:
    """The last entries about `subject`, as lists show them."""
    return entry_rows(audit.page(None, subject, size=_RECENT).rows)


def entry_rows(entries: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """Entries as lists show them, the accounts they are about by name."""
    known = accounts.by_uid([entry.subject for entry in entries])
    return [
        {
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action.replace(".", " ").replace("_", " ").capitalize(),
            "about": _name(entry.subject, known),
            "url": url_for("billing_admin.account", account_id=known[entry.subject].id)
            if entry.subject in known
            else None,
            "reason": entry.reason,
            "changes": _changes(entry.before or {}, entry.after or {}),
        }
        for entry in entries
    ]


def _name(subject: str, known: dict[str, Any]) -> str:
    return str(known[subject].name) if subject in known else subject.replace("_", " ").capitalize()


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Field, before and after, of what differs."""
    names = dict.fromkeys([*before, *after])
    return [
        (name.replace("_", " "), _plain(before.get(name)), _plain(after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
