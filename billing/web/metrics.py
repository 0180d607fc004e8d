"""What Prometheus reads: numbers this process (or all of them) counted, and how the inbox stands at the moment."""

import hmac
from collections.abc import Iterator
from http import HTTPStatus

from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from werkzeug.datastructures import WWWAuthenticate

from billing.core import db, metrics, ratelimit, settings
from billing.sync import queries
from billing.sync.models import NEEDING_ATTENTION
from billing.web.blueprint import opens_edges
from billing.web.health import checks

_WRONG_LIMIT = "60 per minute"


@checks.get("/metrics")
@opens_edges
def show() -> ResponseReturnValue:
    """The numbers, for whoever sends METRICS_TOKEN as bearer token; 404 where none is set."""
    token = settings.current().metrics_token.get_secret_value()
    if not token:
        abort(404)
    if not _is_sent(token):
        ratelimit.hit("wrong metrics token", request.remote_addr or "", _WRONG_LIMIT)
        return _refused()
    now = CollectorRegistry()
    now.register(_Inbox())
    return Response(generate_latest(metrics.whole()) + generate_latest(now), content_type=CONTENT_TYPE_LATEST)


def _refused() -> Response:
    """A line for a program, which can do nothing with a page."""
    answer = Response("Send METRICS_TOKEN as bearer token.\n", HTTPStatus.UNAUTHORIZED, mimetype="text/plain")
    answer.www_authenticate = WWWAuthenticate("bearer")
    return answer


def _is_sent(token: str) -> bool:
    sent = request.authorization
    given = sent.token or "" if sent is not None and sent.type == "bearer" else ""
    return hmac.compare_digest(given.encode(), token.encode())


class _Inbox(Collector):
    """The inbox as the database has it, the same whichever process is asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What waits, and what needs somebody's eyes."""
        with db.edge():
            backlog, found = queries.backlog(), queries.count_needing_attention()
        yield GaugeMetricFamily("billing_inbox_backlog", "Events that wait", value=backlog.count)
        yield GaugeMetricFamily(
            "billing_inbox_oldest_seconds", "How long the oldest of them has waited", value=backlog.age.total_seconds()
        )
        attention = GaugeMetricFamily(
            "billing_inbox_attention", "Events that need somebody's eyes, by state", labels=["state"]
        )
        for state in NEEDING_ATTENTION:
            attention.add_metric([state], found.get(state, 0))
        yield attention
