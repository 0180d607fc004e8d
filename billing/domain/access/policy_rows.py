"""The access policy as rows: read once for each version of it in a process, saved whole."""

import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from flask import current_app
from sqlalchemy import delete, select, true, update

from billing.core import audit, db, settings
from billing.core.errors import Conflict, Invalid
from billing.domain.access.models import AccessPolicy, AccessRule
from billing.domain.access.policy import Key, Policy, Rule

TURN = "access_policy"  # see `db.take_turn`

_BUMPED = "access_policy_bumped"

Kept = TypeVar("Kept")


def at(version: int) -> Policy:
    """The policy of that version, which was read just now."""
    return kept_at(version, "billing.access_policy", current)


def kept_at(version: int, name: str, read: Callable[[], tuple[int, Kept]]) -> Kept:
    """What `read` gives, with the version it belongs to; kept under `name` until another version is asked for."""
    engine = db.engine()
    kept: tuple[object, int, Kept] | None = current_app.extensions.get(name)
    if kept is not None and kept[:2] == (engine, version):
        return kept[2]
    found, value = read()
    if found == version and _BUMPED not in db.read_cache():  # what is being written may yet be rolled back
        current_app.extensions[name] = (engine, version, value)
    return value


def current() -> tuple[int, Policy]:
    """The policy's version and the policy, read by one statement so that they belong together."""
    rows = db.session().execute(select(AccessPolicy.version, AccessRule).outerjoin(AccessRule, true())).all()
    rules = {Key(row.plan, row.status, row.feature): Rule(row.grants, row.grace_days) for _, row in rows if row}
    return (rows[0][0] if rows else 0), Policy(settings.current().billing_grace_days, rules)


def fingerprint(policy: Policy) -> str:
    """What tells the rules from any others: whoever edits them says by it which ones they saw."""
    written = json.dumps(sorted((*key, rule.grants, rule.days) for key, rule in policy.rules.items()))
    return hashlib.sha256(written.encode()).hexdigest()[:20]


def save(draft: Policy, *, seen: str, actor: str, reason: str = "") -> None:
    """Make the rules those of `draft`; `seen` is the fingerprint of those that were there when it was begun.

    Raises Conflict where somebody else has changed them meanwhile, Invalid where nothing differs.
    """
    session = db.take_turn(TURN)
    _, known = current()
    if fingerprint(known) != seen:
        raise Conflict(
            "Somebody else has changed the policy meanwhile. Look at what it says now, then change it again."
        )
    changed = dict(known.rules.items() ^ draft.rules.items()).keys()
    if not changed:
        raise Invalid("That is what the policy says already.")
    session.execute(delete(AccessRule))
    for key, rule in draft.rules.items():
        session.add(AccessRule(**key._asdict(), grants=rule.grants, grace_days=rule.days))
    before, after = (
        {_in_words(key): policy.rules[key].in_words() if key in policy.rules else "default" for key in sorted(changed)}
        for policy in (known, draft)
    )
    audit.record("policy.changed", "policy", actor=actor, before=before, after=after, reason=reason.strip()[:1000])
    bump()


def _in_words(key: Key) -> str:
    plan = f", plan {key.plan}" if key.plan else ""
    return f"{key.status}{plan}{f', feature {key.feature}' if key.feature else ''}"


def bump() -> None:
    """Number the policy anew: what everybody's access rests on has changed in this transaction."""
    db.begin_write().execute(update(AccessPolicy).values(version=AccessPolicy.version + 1))
    db.read_cache()[_BUMPED] = True
