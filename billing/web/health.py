"""For machines that watch: is the process alive, may it be sent visitors, does the exchange with Stripe go well."""

from http import HTTPStatus

from flask import Response, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from billing.core import db, migrate
from billing.core.logging import get_logger
from billing.sync import health, tail
from billing.web.blueprint import PageBlueprint, opens_edges

log = get_logger(__name__)

checks = PageBlueprint("billing_health", __name__, checks_csrf=False)


@checks.get("/healthz")
@opens_edges
def is_alive() -> ResponseReturnValue:
    """Whether the process answers; it asks nothing else."""
    return Response("ok\n", mimetype="text/plain")


@checks.get("/readyz")
@opens_edges
def is_ready() -> ResponseReturnValue:
    """Whether the database answers and has the tables this release wants: 200, else 503."""
    try:
        is_pending = migrate.is_pending(db.engine(), migrate.followed())
    except SQLAlchemyError:
        log.exception("database_unreachable")
        return _said(is_well=False, database="unreachable", migrations="unknown")
    return _said(is_well=not is_pending, database="ok", migrations="pending" if is_pending else "ok")


@checks.get("/health/stripe")
@opens_edges
def is_in_touch() -> ResponseReturnValue:
    """How the exchange with Stripe goes: 200, or 503 with what is wrong in words; the bounds are `sync.health`'s."""
    try:
        found = health.look()
    except SQLAlchemyError:
        log.exception("database_unreachable")
        return _said(is_well=False, problems=["the database does not answer"])
    return _said(
        is_well=not found.problems,
        mode=found.mode,
        last_delivery_at=found.last_delivery_at.isoformat() if found.last_delivery_at else None,
        backlog={"count": found.backlog.count, "oldest_seconds": round(found.backlog.age.total_seconds())},
        parked=found.parked,
        clock_skew_seconds=round(found.clock_skew.total_seconds(), 1) if found.clock_skew is not None else None,
        tail_days_left=None if found.tail_left is None else tail.in_days(found.tail_left),
        problems=list(found.problems),
    )


def _said(*, is_well: bool, **what: object) -> Response:
    response = jsonify(status="ok" if is_well else "failing", **what)
    response.status_code = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    response.headers["Cache-Control"] = "no-store"
    return response
