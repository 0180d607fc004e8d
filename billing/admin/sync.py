"""How well the local tables keep up with Stripe: lag, backlog, missed events, drift and its repair."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.events import by_row
from billing.admin.pages import admin
from billing.core import clock, settings
from billing.core.errors import NotFound, Refusal
from billing.sync import detect, drift, health, repair, tail
from billing.sync import queries as events
from billing.sync.detect import Finding
from billing.sync.listings import LISTINGS
from billing.sync.models import STATES
from billing.sync.preview import Difference
from billing.sync.records import DriftFinding, DriftRun
from billing.web import words
from billing.web.blueprint import opens_edges

_RUNS = 14
_FINDINGS = 100
_LARGEST_ID = 2**63 - 1  # databases refuse to look for larger ones
_DIGITS = 19  # of any number that databases can look for
KINDS: dict[detect.Kind, str] = {
    "two_live_subscriptions": "Paying twice",
    "customer_without_account": "Customers without an account",
    "account_with_two_customers": "Accounts with two customers",
    "paid_without_access": "Paid, and no access",
    "access_without_payment": "Access, and not paid",
    "seats_out_of_step": "Seats out of step with members",
    "other_mode": "Of the other mode",
}
_HOUR = timedelta(hours=1)
_TOLD_APART = timedelta(seconds=2)


@admin.get("/admin/sync")
@opens_edges
def sync_page() -> ResponseReturnValue:
    """What waits, how long events take, what Stripe's list of events and the last comparisons say."""
    found = health.look()
    lag, last = events.lag(_HOUR), events.last_delivery()
    counts = events.count_by_state()
    runs = drift.trend(_RUNS)
    left = found.tail_left
    return render_template(
        "billing/admin/sync.html",
        problems=found.problems,
        mode=found.mode,
        clock_in_words=None if found.clock_skew is None else _clock(found.clock_skew),
        waiting=found.backlog.count,
        waiting_age=clock.passed_in_words(found.backlog.age) if found.backlog.count else None,
        lag={"count": lag.count, "median": clock.passed_in_words(lag.median), "worst": clock.passed_in_words(lag.worst)}
        if lag
        else None,
        last=last,
        last_ago=clock.passed_in_words(clock.now() - last.received_at) if last else None,
        last_url=url_for("billing_admin.event", stripe_id=last.stripe_id) if last else None,
        states=[
            {
                "name": state,
                "tone": words.event(state),
                "count": counts[state],
                "url": url_for("billing_admin.event_list", state=state),
            }
            for state in STATES
            if state in counts
        ],
        tail_left=None if left is None else tail.in_words(left),
        is_tail_lost=left is not None and left < timedelta(),
        processing=settings.current().event_processing.partition(":")[0],
        runs=[_run(row) for row in runs],
        most=max((row.differing for row in runs), default=0),
        findings_url=url_for("billing_admin.sync_findings"),
    )


def _clock(skew: timedelta) -> str:
    """How this host's clock is to Stripe's, which tells whole seconds."""
    if abs(skew) < _TOLD_APART:
        return "in step with Stripe’s"
    return f"{clock.in_words(skew)} {'ahead of' if skew > timedelta() else 'behind'} Stripe’s"


def _run(row: DriftRun) -> dict[str, Any]:
    return {
        "began_at": row.began_at,
        "is_finished": row.finished_at is not None,
        "nouns": "everything"
        if set(row.nouns) >= set(LISTINGS)
        else ", ".join(noun.replace("_", " ") for noun in row.nouns),
        "compared": row.compared,
        "differing": row.differing,
        "repaired": row.repaired,
        "url": url_for("billing_admin.drift_run", run_id=row.id),
    }


@admin.get("/admin/sync/findings")
def sync_findings() -> ResponseReturnValue:
    """What is wrong although each row is right, kind by kind, each with its way out."""
    found = list(islice(detect.detect(), _FINDINGS + 1))
    kinds: dict[detect.Kind, list[dict[str, Any]]] = {}
    for one in found[:_FINDINGS]:
        kinds.setdefault(one.kind, []).append(_wrong(one))
    return render_template(
        "billing/admin/findings.html",
        kinds=[(KINDS[kind], those) for kind, those in kinds.items()],
        has_more=len(found) > _FINDINGS,
        sync_url=url_for("billing_admin.sync_page"),
    )


def _wrong(one: Finding) -> dict[str, Any]:
    account = url_for("billing_admin.account", account_id=one.account_id) if one.account_id else None
    return {"what": one.what, "way_out": one.way_out.split("`"), "account_url": account, "stripe_url": one.url}


@admin.get(f"/admin/sync/drift/<int(max={_LARGEST_ID}):run_id>")
def drift_run(run_id: int) -> ResponseReturnValue:
    """What a comparison found, and the button that repairs it, which this page is the question before.

    A hundred are repaired at a time; `after` is how far that has come.
    """
    row = _find(run_id)
    after = _after(request.args)
    found = list(islice(drift.findings(run_id), _FINDINGS))
    return render_template(
        "billing/admin/drift.html",
        run=_run(row),
        findings=[_finding(one) for one in found],
        repairable=repair.count_open(run_id, after),
        after=after,
        at_once=repair.AT_ONCE,
        sync_url=url_for("billing_admin.sync_page"),
        repair_url=url_for("billing_admin.repair_drift", run_id=run_id),
    )


def _after(sent: Mapping[str, str]) -> int:
    """The finding that was looked at last, as the page says it; 0 where it says none."""
    said = sent.get("after", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < _DIGITS else 0


def _find(run_id: int) -> DriftRun:
    found = repair.find(run_id)
    if found is None:
        raise NotFound("There is no such comparison.")
    return found


def _finding(row: DriftFinding) -> dict[str, Any]:
    return {
        "noun": row.noun,
        "stripe_id": row.stripe_id,
        "cause": drift.CAUSES.get(row.cause, row.cause),
        "is_repaired": row.is_repaired,
        "rows": by_row([Difference(**one) for one in row.differences]),
    }


@admin.post(f"/admin/sync/drift/<int(max={_LARGEST_ID}):run_id>/repair")
@opens_edges
def repair_drift(run_id: int) -> ResponseReturnValue:
    """Write what Stripe says now of what the comparison found."""
    _find(run_id)
    after = _after(request.form)
    try:
        done = repair.repair(run_id, after)
    except Refusal as refusal:
        flash(refusal.message, "error")
    else:
        after = done.after if done.left else 0
        more = f" {done.left:,} are left." if done.left else ""
        objects = "1 object now says" if done.count == 1 else f"{done.count} objects now say"
        flash(f"{objects} what Stripe says.{more}", "warning" if done.left else "success")
    return redirect(url_for("billing_admin.drift_run", run_id=run_id, after=after or None), 303)
