"""The inbox as staff see it: what Stripe sent, and what became of it."""

from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.pages import admin
from billing.core.errors import Invalid
from billing.sync import queries as events
from billing.sync.models import STATES, WebhookEvent
from billing.web import words


@admin.get("/admin/events")
def event_list() -> ResponseReturnValue:
    """The events, newest first; those that need somebody's eyes are named at the top."""
    state = request.args.get("state", "")
    if state and state not in STATES:
        raise Invalid("There is no such state.", field="state")
    page = events.page(state or None, request.args.get("cursor"))
    query: dict[str, Any] = {"state": state} if state else {}
    return render_template(
        "billing/admin/events.html",
        events=[event_row(row) for row in page.rows],
        state=state,
        states=[{"value": "", "label": "All"}] + [{"value": value, "label": value.capitalize()} for value in STATES],
        counts=events.count_needing_attention(),
        next_url=url_for("billing_admin.event_list", cursor=page.older, **query) if page.older else None,
        prev_url=url_for("billing_admin.event_list", cursor=page.newer, **query) if page.newer else None,
    )


def event_row(row: WebhookEvent) -> dict[str, Any]:
    """An event as lists show it."""
    return {
        "stripe_id": row.stripe_id,
        "type": row.type,
        "received_at": row.received_at,
        "state": row.state,
        "tone": words.event(row.state),
        "error": row.error.strip().splitlines()[-1] if row.error else None,
    }
