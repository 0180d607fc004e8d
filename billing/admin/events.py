"""The inbox as staff see it: what Stripe sent, what became of it, and what can be done about that."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.pages import actor, admin
from billing.core import db
from billing.core.errors import Refusal
from billing.sync import queries as events
from billing.sync import replay
from billing.sync.models import PENDING, STATES, WebhookEvent
from billing.sync.preview import ROW, Difference
from billing.sync.queries import Filters
from billing.web import days, words
from billing.web.blueprint import opens_edges

_LONGEST = 255


@dataclass(frozen=True)
class Changed:
    """A row before and after: `values` are field, before, after; `is_new` if none was before, `is_gone` if none is."""

    kind: str
    stripe_id: str
    is_new: bool
    values: Sequence[tuple[str, str, str]]
    is_gone: bool = False


@admin.get("/admin/events")
def event_list() -> ResponseReturnValue:
    """The events, newest first, filtered; those that need somebody's eyes are named at the top."""
    wanted, entered, errors = _read_filters()
    page = None if errors else events.page(wanted, request.args.get("cursor"))
    query: dict[str, Any] = {name: value for name, value in entered.items() if value}
    return render_template(
        "billing/admin/events.html",
        events=[event_row(row) for row in page.rows] if page else [],
        filters=entered,
        errors=errors,
        states=[{"value": "", "label": "All"}] + [{"value": value, "label": value.capitalize()} for value in STATES],
        counts=events.count_needing_attention(),
        next_url=url_for("billing_admin.event_list", cursor=page.older, **query) if page and page.older else None,
        prev_url=url_for("billing_admin.event_list", cursor=page.newer, **query) if page and page.newer else None,
    )


def _read_filters() -> tuple[Filters, dict[str, str], dict[str, str]]:
    """What the query string asks for, what was entered, and what is wrong with it, by field."""
    entered = {name: request.args.get(name, "").strip() for name in ("state", "type", "id", "from", "to")}
    errors: dict[str, str] = {}
    if entered["state"] and entered["state"] not in STATES:
        errors["state"] = "Choose one of the states."
    errors |= {name: "Nothing is called that." for name in ("type", "id") if len(entered[name]) > _LONGEST}
    since, until = (days.read(name, entered[name], errors) for name in ("from", "to"))
    if since and until and since > until:
        errors["to"] = "The end lies before the start."
    wanted = Filters(state=entered["state"], type=entered["type"], id=entered["id"], since=since, until=until)
    return wanted, entered, errors


def event_row(row: WebhookEvent) -> dict[str, Any]:
    """An event as lists show it."""
    return {
        "stripe_id": row.stripe_id,
        "type": row.type,
        "received_at": row.received_at,
        "state": row.state,
        "tone": words.event(row.state),
        "error": row.error.strip().splitlines()[-1] if row.error else None,
        "url": url_for("billing_admin.event", stripe_id=row.stripe_id),
    }


@admin.get("/admin/events/<stripe_id>")
def event(stripe_id: str) -> ResponseReturnValue:
    """An event whole: what came, what it changed, what went wrong, and what can be done."""
    return _page(events.get(stripe_id))


@admin.post("/admin/events/<stripe_id>/dry-run", endpoint="dry_run_event")
@opens_edges
def dry_run(stripe_id: str) -> ResponseReturnValue:
    """The event's page, with what a replay would change now."""
    try:
        would = replay.would_change(stripe_id)
    except Refusal as refusal:
        return _refused(stripe_id, refusal)
    with db.edge():
        return _page(events.get(stripe_id), would)


@admin.post("/admin/events/<stripe_id>/replay", endpoint="replay_event")
@opens_edges
def replay_event(stripe_id: str) -> ResponseReturnValue:
    """Ask Stripe about the event's object and write what it says."""
    try:
        changed = by_row(replay.replay(stripe_id))
    except Refusal as refusal:
        return _refused(stripe_id, refusal)
    flash(f"Replayed: {_rows(len(changed))} changed." if changed else "Replayed. Nothing had to change.", "success")
    return _back(stripe_id)


@admin.post("/admin/events/<stripe_id>/retry", endpoint="retry_event")
@opens_edges
def retry_event(stripe_id: str) -> ResponseReturnValue:
    """Let the event wait again, and work it off."""
    try:
        state = replay.retry(stripe_id)
    except Refusal as refusal:
        return _refused(stripe_id, refusal)
    flash(f"Tried again: it is {state} now.", "success" if state == "done" else "warning")
    return _back(stripe_id)


@admin.post("/admin/events/<stripe_id>/park", endpoint="park_event")
@opens_edges
def park_event(stripe_id: str) -> ResponseReturnValue:
    """Take the event out, with a reason."""
    try:
        replay.park(stripe_id, request.form.get("reason", "")[:1000], by=actor())
    except Refusal as refusal:
        return _refused(stripe_id, refusal)
    flash("Parked. Nothing happens to it until somebody retries it.", "success")
    return _back(stripe_id)


def _back(stripe_id: str) -> ResponseReturnValue:
    return redirect(url_for("billing_admin.event", stripe_id=stripe_id), 303)


def _refused(stripe_id: str, refusal: Refusal) -> ResponseReturnValue:
    """Back to the event, with the words of the refusal; without an event, the refusal itself."""
    if refusal.status == 404:
        raise refusal
    flash(refusal.message, "error")
    return _back(stripe_id)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _page(row: WebhookEvent, would: list[Difference] | None = None) -> str:
    return render_template(
        "billing/admin/event.html",
        event=row,
        tone=words.event(row.state),
        body=json.dumps(json.loads(row.body), indent=2, ensure_ascii=False) if row.body else None,
        changes=[changed for change in row.changes or [] for changed in _all_changed(change)],
        would=None if would is None else by_row(would),
        can_replay=row.noun is not None and row.state != "refused",
        can_retry=row.state in replay.RETRIED,
        can_park=row.state in PENDING,
        error=row.error.strip() if row.error else None,
        events_url=url_for("billing_admin.event_list"),
    )


def _all_changed(change: dict[str, Any]) -> Iterator[Changed]:
    """The row, unless only its parts are others now, and those."""
    if change["after"]:
        yield _changed(change["noun"], change)
    for part in change.get("parts", ()):  # rows of before there were parts have none
        yield _changed(part["kind"], part)


def _changed(kind: str, change: dict[str, Any]) -> Changed:
    before, after = change["before"], change["after"]
    if before is None or after is None:
        held = [(name, value) for name, value in (before or after).items() if value not in (None, [], {})]
        values = [(name, "–", _plain(value)) if before is None else (name, _plain(value), "–") for name, value in held]
    else:
        values = [(name, _plain(before[name]), _plain(value)) for name, value in after.items()]
    return Changed(kind, change["stripe_id"], is_new=before is None, values=values, is_gone=after is None)


def by_row(differences: Sequence[Difference]) -> list[Changed]:
    """The differences, together for each row; a row that is only on one side has no values."""
    found: dict[tuple[str, str], list[Difference]] = {}
    for one in differences:
        found.setdefault((one.table, one.stripe_id), []).append(one)
    return [
        Changed(
            table.removeprefix("billing_"),
            stripe_id,
            is_new=any(one.field == ROW and one.here == "missing" for one in those),
            values=[(one.field, _plain(one.here), _plain(one.at_stripe)) for one in those if one.field != ROW],
            is_gone=any(one.field == ROW and one.at_stripe == "missing" for one in those),
        )
        for (table, stripe_id), those in found.items()
    ]


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
