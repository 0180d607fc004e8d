"""The access policy as rows, read once for each version of it in a process."""

from collections.abc import Callable
from typing import TypeVar

from flask import current_app
from sqlalchemy import select, true, update

from billing.core import db, settings
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


def bump() -> None:
    """Number the policy anew: what everybody's access rests on has changed in this transaction."""
    db.begin_write().execute(update(AccessPolicy).values(version=AccessPolicy.version + 1))
    db.read_cache()[_BUMPED] = True
