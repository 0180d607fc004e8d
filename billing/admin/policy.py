"""The access policy: what goes now, changing it, and trying a change out on everybody first."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from billing.admin.pages import actor, admin
from billing.core import db
from billing.core.errors import Invalid, Refusal
from billing.domain.access import noticing, policy_rows, simulation
from billing.domain.access.policy import OPEN_STATUSES, STATUSES, Found, Key, Policy, Rule, read_rule
from billing.domain.catalog import queries as catalog

_LISTED = 50
_BLANK = 2  # rows for further exceptions
_MOST = 200  # exceptions
_TOLD_AT_ONCE = 400  # accounts whose listeners hear of a new policy as it is saved; upkeep tells of the others

# In the words of those who pay the least attention to Stripe's.
_MEANS = {
    "active": "Paid, or paying",
    "trialing": "On trial",
    "past_due": "A payment failed, and is tried again",
    "unpaid": "Payments failed for good",
    "paused": "Paused",
    "canceled": "Ended",
    "incomplete": "The first payment is missing",
    "incomplete_expired": "The first payment never came",
}


@dataclass(frozen=True)
class Row:
    """A rule as the form has it; `rule` is "default", "yes", "no" or "days"."""

    plan: str
    status: str
    feature: str
    rule: str
    days: str


@dataclass(frozen=True)
class Outcome:
    """What a draft would do today."""

    gain: int
    lose: int
    listed: list[simulation.Effect]
    more: int


@admin.get("/admin/policy", endpoint="policy")
def policy_page() -> ResponseReturnValue:
    """The policy as it is, in a form."""
    current = policy_rows.current()[1]
    return _page(current, _rows(current), seen=policy_rows.fingerprint(current))


@admin.post("/admin/policy", endpoint="change_policy")
def change_policy() -> ResponseReturnValue:
    """Try the form's policy out, or save it."""
    is_saving = request.form.get("action") == "save"
    if is_saving:
        db.begin_write()
    current = policy_rows.current()[1]
    seen = request.form.get("seen", "")
    rows = _entered()
    try:
        draft = _drafted(current, rows)
        if is_saving:
            policy_rows.save(draft, seen=seen, actor=actor(), reason=request.form.get("reason", ""))
            db.on_commit(lambda: noticing.notice_due(at_most=_TOLD_AT_ONCE))
            flash("Saved. It decides from now on.", "success")
            return redirect(url_for("billing_admin.policy"), 303)
    except Refusal as refusal:
        flash(refusal.message, "error")
        return _page(current, rows, seen=seen), refusal.status
    return _page(draft, rows, seen=seen, outcome=_try_out(draft))


def _try_out(draft: Policy) -> Outcome:
    effects = simulation.simulate(draft)
    listed = list(islice(effects, _LISTED))
    gain, lose = (sum(bool(one.gains) for one in listed), sum(bool(one.loses) for one in listed))
    more = 0
    for one in effects:
        more, gain, lose = more + 1, gain + bool(one.gains), lose + bool(one.loses)
    return Outcome(gain, lose, listed, more)


def _rows(policy: Policy) -> list[Row]:
    """The policy as rows of the form: one for each status, then the exceptions."""
    general = [_row(Key("", status, ""), policy.rules.get(Key("", status, ""))) for status in STATUSES]
    exceptions = sorted(key for key in policy.rules if key.plan or key.feature)
    return general + [_row(key, policy.rules[key]) for key in exceptions]


def _row(key: Key, rule: Rule | None) -> Row:
    if rule is None:
        return Row(*key, "default", "")
    return Row(*key, "days", str(rule.days)) if rule.days is not None else Row(*key, rule.in_words(), "")


def _entered() -> list[Row]:
    """The rows that were posted, blank exceptions left out."""
    form = request.form
    rows = [
        Row("", status, "", form.get(f"rule-{status}", "default"), form.get(f"days-{status}", "").strip())
        for status in STATUSES
    ]
    for number in range(_MOST):
        if f"status-{number}" not in form:
            break
        names = (f"{name}-{number}" for name in ("plan", "status", "feature", "rule", "days"))
        row = Row(*(form.get(name, "").strip() for name in names))
        if row.status:
            rows.append(row)
    return rows


def _drafted(current: Policy, rows: list[Row]) -> Policy:
    """The policy the rows make. Raises Invalid."""
    draft = Policy(current.grace_days)
    for row in rows:
        key = Key(row.plan, row.status, row.feature)
        if row.rule == "default":
            continue
        if key in draft.rules:
            raise Invalid(f"There are two rules for {_about(key)}.")
        if row.rule == "days" and not row.days:
            raise Invalid(f"Say for how many days {_about(key)} is granted.")
        if key not in current.rules:  # what was there may speak of plans that are gone
            catalog.check_keys(row.plan, row.feature)
        draft = draft.changed(key, read_rule(f"{row.days}d" if row.rule == "days" else row.rule))
    return draft


def _about(key: Key) -> str:
    return ", ".join(filter(None, (key.plan, key.status, key.feature)))


def _page(policy: Policy, rows: list[Row], *, seen: str, outcome: Outcome | None = None) -> str:
    default = catalog.default_plan()  # nobody subscribes to what everybody has
    names = {key: name for key, name in catalog.plan_names().items() if not default or key != default.key}
    general, exceptions = rows[: len(STATUSES)], rows[len(STATUSES) :]
    known = {**catalog.feature_names(), **{key: key for key in sorted(catalog.countable_keys())}}
    plans = _options("Every plan", names, {row.plan for row in exceptions})
    features = _options("Every feature", known, {row.feature for row in exceptions})
    return render_template(
        "billing/admin/policy.html",
        seen=seen,
        general=[
            {
                "row": row,
                "means": _MEANS[row.status],
                "default": _words(Found(policy.default(row.status), None)),
                "counts_days": row.status not in OPEN_STATUSES,
            }
            for row in general
        ],
        exceptions=exceptions + [Row("", "", "", "yes", "")] * _BLANK,
        statuses=STATUSES,
        plans=plans,
        features=features,
        matrix=_matrix(policy, names),
        plan_names=list(names.values()),
        outcome=outcome,
        reason=request.form.get("reason", ""),
        accounts_endpoint="billing_admin.account_access",
    )


def _options(every: str, names: dict[str, str], also: set[str]) -> list[tuple[str, str]]:
    return [("", every), *names.items(), *((key, key) for key in sorted(also - names.keys() - {""}))]


def _matrix(policy: Policy, names: dict[str, str]) -> list[dict[str, Any]]:
    """What goes in the end: a row for each status, a cell for each plan, with the features that differ."""
    return [
        {
            "status": status,
            "means": _MEANS[status],
            "cells": [
                {
                    "words": _words(policy.find(plan, status)),
                    "grants": policy.find(plan, status).rule.grants,
                    "but": [
                        (feature, _words(policy.find(plan, status, feature)))
                        for feature in sorted(policy.features)
                        if policy.find(plan, status, feature).rule != policy.find(plan, status).rule
                    ],
                }
                for plan in names
            ],
        }
        for status in STATUSES
    ]


def _words(found: Found) -> str:
    rule = found.rule
    if rule.days is not None:
        return "1 day" if rule.days == 1 else f"{rule.days} days"
    return "Open" if rule.grants else "Closed"
