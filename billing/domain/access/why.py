"""Why an account may use something or not: the chain of what was read, and what was decided of each.

It rests on the same findings as the answer that gates get (`service.conclude`), so that the two cannot disagree.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from billing.core import clock
from billing.domain.access import findings as reading
from billing.domain.access import grants, offers, words
from billing.domain.access.findings import Finding, Source
from billing.domain.access.models import Grant
from billing.domain.access.offers import Offer
from billing.domain.access.rules import ORDER, Decision, State
from billing.domain.access.service import is_open
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account

Through = Literal["plan", "entitlement", "grant"]


@dataclass(frozen=True)
class Step:
    """One thing that gives access, or does not: what was read of it, the policy's rule that fired, and what follows.

    `id` is the subscription's Stripe id, the grant's number or the plan's key; `through` says how it comes to what was
    asked for. `words` say it for people, `advice` what would change it.
    """

    kind: Literal["subscription", "grant", "default_plan"]
    id: str
    plan: str | None
    grants: bool
    state: State
    code: str
    until: datetime | None
    through: Through | None
    read: dict[str, Any]
    rule: dict[str, Any] | None
    words: str
    advice: str


@dataclass(frozen=True)
class Why:
    """Whether the account has the feature, limit or allowance of that key ("": is let in at all), and why."""

    feature: str
    granted: bool
    code: str
    until: datetime | None
    words: str
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        plain = asdict(self) | {"steps": [asdict(step) for step in self.steps]}
        return {**_written(plain), "steps": [_written(step) for step in plain["steps"]]}


def why(account: Account | str, feature: str = "") -> Why:
    """The chain for the account (or the host's key for it) now; grants that are over are in it as well.

    Raises NotFound for a key of no account.
    """
    if isinstance(account, str):
        return why(accounts.get(account), feature)
    read = reading.find([account.id])
    found = read.by_account[account.id]
    now, plans = clock.now(), offers.at(read.version).by_key
    over = []
    for grant in grants.of_account(account):
        state = grants.state_of(grant, now)
        if state in ("expired", "revoked") and (not feature or _gave(grant, plans.get(grant.plan), feature)):
            ended_at = grant.revoked_at or grant.expires_at
            over.append(_step_of_ended(grant.id, grant.plan, f"grant_{state}", ended_at, feature))
    return explain(found, feature, over)


def _gave(grant: Grant, offer: Offer | None, key: str) -> bool:
    return _has(offer, key) or key in grant.features or key in grant.limits


def _has(offer: Offer | None, key: str) -> bool:
    return offer is not None and key in {*offer.features, *offer.limits, *offer.allowances}


def explain(found: Sequence[Finding], feature: str = "", over: Sequence[Step] = ()) -> Why:
    """The chain of an account's findings; `over` are steps that count no more."""
    steps = [_step(one, feature) for one in found if feature or one.is_general or one.source.kind == "default_plan"]
    open_now = [step for step in steps if step.grants]
    if open_now:
        best = min(open_now, key=lambda step: ORDER.index(step.state))
        ends = [step.until for step in open_now]
        until = max((end for end in ends if end), default=None) if None not in ends else None
        return Why(feature, True, best.code, until, words.granted(until), (*steps, *over))
    closed = [step for step in steps if step.kind != "default_plan" and (not feature or step.code != "not_in_plan")]
    worst = min(closed, key=lambda step: ORDER.index(step.state), default=None)
    has_any = any(one.decision.grants for one in found if one.is_general)
    code = worst.code if worst else "not_in_plan" if feature and has_any else "no_subscription"
    return Why(feature, False, code, None, words.refused(feature, code), (*steps, *over))


def _step(finding: Finding, key: str) -> Step:
    source = finding.source
    through = _through(source, key) if key else None
    is_everybodys = source.kind == "default_plan"
    decision = finding.of(key) if key else finding.decision
    if key and through is None:
        decision = Decision("none", None, "not_in_plan")
    grants_it = is_open(finding, key) and through is not None if key else decision.grants
    plan = source.offer.plan if source.offer else None
    return Step(
        kind=source.kind,
        id=source.id,
        plan=plan.key if plan else None,
        grants=grants_it,
        state=decision.state,
        code=decision.reason,
        until=None if is_everybodys else decision.until,
        through=through,
        read=_read(source),
        rule=decision.found.to_json() if decision.found else None,
        words=words.of(decision.reason, decision.until or decision.turns_at, plan.name if plan else None),
        advice=words.advice(decision.reason),
    )


def _step_of_ended(grant_id: int, plan: str, code: str, ended_at: datetime | None, key: str) -> Step:
    return Step(
        "grant", str(grant_id), plan or None, False, "none", code, ended_at, "grant" if key else None,
        {"ended_at": ended_at}, None, words.of(code, ended_at, None), words.advice(code),
    )  # fmt: skip


def _through(source: Source, key: str) -> Through | None:
    """How the source comes to offer what `key` names; None where it does not."""
    if _has(source.offer, key):
        return "plan"
    if key in source.extra or key in source.limits:
        return "grant" if source.kind == "grant" else "entitlement"
    return None


def _read(source: Source) -> dict[str, Any]:
    """The facts it was decided on, those that are known."""
    if source.facts is not None:
        facts = asdict(source.facts) | {"entitled_to": sorted(source.extra)}
    elif source.grant is not None:
        grant = source.grant
        facts = {
            "starts_at": grant.starts_at,
            "expires_at": grant.expires_at,
            "features": list(grant.grant_features),
            "limits": dict(grant.grant_limits),
        }
    else:
        facts = {}
    return {name: value for name, value in facts.items() if value not in (None, [], {})}


def _written(value: dict[str, Any]) -> dict[str, Any]:
    def plain(one: Any) -> Any:
        if isinstance(one, datetime):
            return one.isoformat()
        return {name: plain(inner) for name, inner in one.items()} if isinstance(one, dict) else one

    return {name: plain(one) for name, one in value.items()}
