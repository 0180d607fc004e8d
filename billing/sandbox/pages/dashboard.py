"""The dashboard: what the sandbox holds and has sent, its clock, and the buttons that make things go wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.sandbox import lifecycle, webhooks
from billing.sandbox.pages import dashboard_faults, words
from billing.sandbox.pages.blueprint import Json, fetch, now, pages, sandbox

_ROWS = 50
_FAILING_CARD = "chargeCustomerFail"
_STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=31)}
_NOTICES = {
    "advanced": "The clock has moved.",
    "idle": "No subscription renews: the clock has not moved.",
    "retried": "What failed has been tried again.",
    "resent": "The event is on its way again.",
    "decline": "The customer’s saved cards decline from now on.",
    "accept": "The customer’s saved cards pay again.",
    "disputed": "The payment is disputed.",
    "decided": "The bank has decided.",
    "failed": "The refund has come back.",
    "astray": "Webhooks behave as you said from now on.",
}


@dataclass(frozen=True)
class Row:
    """One object: its id, the cells after it, and a button."""

    id: str
    cells: list[str]
    action: dict[str, str] | None = None


@dataclass(frozen=True)
class Section:
    """A list of one kind: where the API lists it and what its columns show."""

    path: str
    kind: str
    columns: tuple[str, ...]
    cells: Callable[[Json], list[str]]


def _amount(obj: Json, name: str = "amount") -> str:
    return words.money(obj[name], obj["currency"])


SECTIONS = {
    "customers": Section(
        "/v1/customers",
        "customer",
        ("Id", "Email", "Name", "Created"),
        lambda obj: [obj["email"] or "–", obj["name"] or "–", words.minute(obj["created"])],
    ),
    "subscriptions": Section(
        "/v1/subscriptions",
        "subscription",
        ("Id", "Status", "Price", "Period ends", "Customer"),
        lambda obj: [
            obj["status"],
            ", ".join(words.price(item["price"], item.get("quantity") or 1) for item in obj["items"]["data"]),
            words.minute(obj["items"]["data"][0]["current_period_end"]),
            obj["customer"],
        ],
    ),
    "payments": Section(
        "/v1/payment_intents",
        "payment_intent",
        ("Id", "Status", "Amount", "Created"),
        lambda obj: [obj["status"], _amount(obj), words.minute(obj["created"])],
    ),
    "invoices": Section(
        "/v1/invoices",
        "invoice",
        ("Id", "Status", "Number", "Amount", "Created"),
        lambda obj: [obj["status"], obj["number"] or "–", _amount(obj, "total"), words.minute(obj["created"])],
    ),
    "refunds": Section(
        "/v1/refunds",
        "refund",
        ("Id", "Status", "Amount", "Created"),
        lambda obj: [obj["status"], _amount(obj), words.minute(obj["created"])],
    ),
    "disputes": Section(
        "/v1/disputes",
        "dispute",
        ("Id", "Status", "Reason", "Amount", "Answer by"),
        lambda obj: [
            obj["status"],
            obj["reason"].replace("_", " "),
            _amount(obj),
            words.minute(obj["evidence_details"]["due_by"]),
        ],
    ),
    "events": Section(
        "/v1/events",
        "event",
        ("Id", "Type", "Object", "Created"),
        lambda obj: [obj["type"], str(obj["data"]["object"].get("id", "–")), words.minute(obj["created"])],
    ),
}
_WORDS = {"customers": "“Decline the next renewal” makes a customer’s saved cards fail until you let them pay again."}
_TABS = (*SECTIONS, "deliveries")


@pages.get("/")
def dashboard() -> ResponseReturnValue:
    """How much of everything there is, and the latest events."""
    connection = sandbox().store.connection()
    counted = {
        name: connection.execute("SELECT COUNT(*) FROM objects WHERE kind = ?", (section.kind,)).fetchone()[0]
        for name, section in SECTIONS.items()
    }
    counted["deliveries"] = connection.execute("SELECT COUNT(*) FROM deliveries").fetchone()[0]
    latest = fetch("/v1/events", limit=10)["data"]
    return _page(
        "sandbox/dashboard/overview.html",
        "Overview",
        counts=list(counted.items()),
        latest=_table("events", latest),
        put_aside=_put_aside(),
    )


@pages.get("/dashboard/<section>")
def dashboard_section(section: str) -> ResponseReturnValue:
    """One kind of object, newest first."""
    if section == "deliveries":
        return _page(
            "sandbox/dashboard/section.html",
            "Deliveries",
            section=section,
            listing=_deliveries(),
            faults=dashboard_faults.webhook_faults(),
            shapes=dashboard_faults.SHAPES,
            words=None,
            next_url=None,
        )
    if section not in SECTIONS:
        abort(404)
    params: Json = {"limit": _ROWS}
    if "after" in request.args:
        params["starting_after"] = request.args["after"]
    if section == "subscriptions":
        params["status"] = "all"
    page = fetch(SECTIONS[section].path, **params)
    next_url = None
    if page["has_more"]:
        next_url = url_for(".dashboard_section", section=section, after=page["data"][-1]["id"])
    return _page(
        "sandbox/dashboard/section.html",
        section.capitalize(),
        section=section,
        listing=_table(section, page["data"]),
        words=_WORDS.get(section),
        next_url=next_url,
    )


@pages.get("/dashboard/objects/<stripe_id>")
def dashboard_object(stripe_id: str) -> ResponseReturnValue:
    """One object as the API returns it; an event with its deliveries."""
    with sandbox().unit() as unit:
        found = unit.find(stripe_id)
        body = None if found is None else unit.present(found)
    if body is None:
        abort(404)
    links = [("Hosted invoice", url_for(".invoice", invoice_id=stripe_id))] if body["object"] == "invoice" else []
    return _page(
        "sandbox/dashboard/object.html",
        stripe_id,
        section=next((name for name, section in SECTIONS.items() if section.kind == body["object"]), None),
        stripe_id=stripe_id,
        body=json.dumps(body, indent=2, ensure_ascii=False),
        links=links,
        deliveries=_deliveries(stripe_id) if body["object"] == "event" else None,
    )


@pages.post("/dashboard/clock")
def dashboard_advance() -> ResponseReturnValue:
    """Move the sandbox's clock forward."""
    by = request.form.get("by", "")
    renewal = by == "renewal"
    step = lifecycle.until_next_renewal(sandbox().store.connection()) if renewal else _STEPS.get(by)
    if step is not None:
        sandbox().advance(step)
    return _back(request.form.get("back", ""), "idle" if step is None else "advanced")


@pages.post("/dashboard/put-aside")
def dashboard_try_again() -> ResponseReturnValue:
    """Try what failed when its time came once more."""
    with sandbox().unit() as unit:
        lifecycle.try_again(unit)
    sandbox().catch_up()
    return _back("", "retried")


@pages.post("/dashboard/events/<event_id>/resend")
def dashboard_resend(event_id: str) -> ResponseReturnValue:
    """Send an event to every enabled endpoint once more."""
    fetch(f"/v1/events/{event_id}")
    webhooks.resend(sandbox(), event_id)
    return _back("deliveries", "resent")


@pages.post("/dashboard/customers/<customer_id>/cards")
def dashboard_cards(customer_id: str) -> ResponseReturnValue:
    """Make the customer's saved cards decline, or pay again."""
    fetch(f"/v1/customers/{customer_id}")
    declines = request.form.get("to") == "decline"
    with sandbox().unit() as unit:
        for method in unit.query("payment_method", where={"customer": customer_id}):
            if declines:
                method.setdefault("_own_token", method["_token"])
                method["_token"] = _FAILING_CARD
            else:
                method["_token"] = method.pop("_own_token", method["_token"])
            unit.save(method)
    return _back("customers", "decline" if declines else "accept")


def _page(template: str, heading: str, **values: Any) -> str:
    return render_template(
        template,
        heading=heading,
        sections=_TABS,
        clock=now(),
        notice=_NOTICES.get(request.args.get("done", "")),
        **values,
    )


def _back(section: str, done: str) -> ResponseReturnValue:
    if section in _TABS:
        return redirect(url_for(".dashboard_section", section=section, done=done), 303)
    return redirect(url_for(".dashboard", done=done), 303)


def _table(name: str, objects: list[Json]) -> dict[str, Any]:
    section = SECTIONS[name]
    rows = [Row(obj["id"], [obj["id"], *section.cells(obj)], _action(obj)) for obj in objects]
    has_actions = any(row.action for row in rows)
    columns = (*section.columns, "") if has_actions else section.columns
    return {"title": name.capitalize(), "columns": columns, "rows": rows, "actions": has_actions}


def _action(obj: Json) -> dict[str, str] | None:
    if obj["object"] != "customer":
        return dashboard_faults.button(obj)
    declines = _cards_decline(obj["id"])
    if declines is None:
        return None
    return {
        "label": "Let its cards pay" if declines else "Decline the next renewal",
        "value": "accept" if declines else "decline",
        "url": url_for(".dashboard_cards", customer_id=obj["id"]),
    }


def _cards_decline(customer_id: str) -> bool | None:
    """Whether a customer's saved cards decline; None without cards."""
    with sandbox().unit() as unit:
        methods = unit.query("payment_method", where={"customer": customer_id})
        return any("_own_token" in method for method in methods) if methods else None


def _deliveries(event_id: str | None = None) -> dict[str, Any]:
    rows = (
        sandbox()
        .store.connection()
        .execute(
            "SELECT event_id, json_extract(event.body, '$.type'), json_extract(endpoint.body, '$.url'), state, "
            "attempts, last_status, last_error, due_at, last_attempt_at FROM deliveries "
            "JOIN objects AS event ON event.id = event_id LEFT JOIN objects AS endpoint ON endpoint.id = endpoint_id "
            "WHERE ?1 IS NULL OR event_id = ?1 ORDER BY deliveries.seq DESC LIMIT ?2",
            (event_id, _ROWS),
        )
        .fetchall()
    )
    return {
        "title": "Deliveries",
        "columns": ("Event", "Type", "Status", "Answer", "Attempts", "When", "Endpoint", ""),
        "actions": True,
        "rows": [
            Row(
                row[0],
                [
                    row[0],
                    row[1],
                    row[3],
                    str(row[5] or row[6] or "–"),
                    str(row[4]),
                    words.minute(row[8] or row[7]) if row[3] != "pending" else f"due {words.minute(row[7])}",
                    row[2] or "–",
                ],
                {"label": "Send again", "value": "", "url": url_for(".dashboard_resend", event_id=row[0])},
            )
            for row in rows
        ],
    }


def _put_aside() -> dict[str, Any] | None:
    found = lifecycle.put_aside(sandbox().store.connection())
    rows = [
        Row(entry.object_id, [entry.object_id, entry.action, words.minute(entry.at), entry.error]) for entry in found
    ]
    columns = ("Object", "Action", "Was due", "Error")
    return {"title": "Put aside", "columns": columns, "rows": rows, "actions": False} if rows else None
