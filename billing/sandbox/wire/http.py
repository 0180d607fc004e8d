"""The HTTP edge: keys, versions, forms in, pretty JSON out."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request

from billing.sandbox.wire import form, idempotency, keys, limits, older_params, publishable, versions
from billing.sandbox.wire.errors import StripeApiError

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Answer, Sandbox

_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def api(sandbox: "Sandbox") -> Blueprint:
    """The blueprint that answers everything under `/v1/`, and what there is of `/v2/`, which is sent JSON."""
    blueprint = Blueprint("sandbox_api", __name__)

    @blueprint.route("/v1/<path:_rest>", methods=_METHODS)
    # An endpoint of its own: pages ask for the address of `answer`, which is below /v1/.
    @blueprint.route("/v2/<path:_rest>", methods=_METHODS, endpoint="answer_v2")
    @blueprint.route("/v1/", defaults={"_rest": ""}, methods=_METHODS)
    def answer(_rest: str) -> Response:
        try:
            key = keys.read(request.authorization)
            browser = publishable.is_publishable(key)
            keys.check_permission(sandbox.store.connection(), key, request.method, request.path)
            versions.check(request.headers.get("Stripe-Version"))
            if not request.path.startswith("/v1/sandbox/"):
                limits.admit(sandbox.store)
            source = request.get_data(cache=False) if request.method == "POST" else _query()
            if request.method == "POST" and request.path.startswith("/v2/"):
                tree = form.from_json(source)
            else:
                tree = form.decode(parse_qsl(source.decode("utf-8", "replace"), keep_blank_values=True))
            tree = older_params.renamed(request.path, tree, request.headers.get("Stripe-Version"))
            if browser:
                publishable.check(request.method, request.path, tree)
            idempotency.check(request.headers.get("Idempotency-Key"))
        except StripeApiError as refusal:
            return _respond(sandbox.refusal(refusal))
        once = (request.headers.get("Idempotency-Key") or None) if request.method == "POST" else None
        answer = sandbox.answer(request.method, request.path, tree, idempotency_key=once)
        if browser:
            body = json.dumps(publishable.visible(json.loads(answer.body)), indent=2, ensure_ascii=False)
            answer = replace(answer, body=body.encode())
        return _respond(answer, once)

    @blueprint.after_request
    def share(response: Response) -> Response:
        wanted = request.headers.get("Access-Control-Request-Headers")
        return publishable.share_with_browsers(response, request.method, request.path, wanted)

    return blueprint


def _query() -> bytes:
    """The parameters of a request without a body; SDKs write those of a DELETE in its address, `curl -d` does not."""
    body = request.get_data(cache=False) if request.method == "DELETE" else b""
    return b"&".join(part for part in (request.query_string, body) if part)


def _respond(answer: "Answer", idempotency_key: str | None = None) -> Response:
    response = Response(answer.body, answer.status, mimetype="application/json")
    response.headers.update(answer.headers)
    response.headers["Request-Id"] = answer.request_id
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", answer.version)
    if idempotency_key:
        response.headers["Idempotency-Key"] = idempotency_key
    if answer.original_request:
        response.headers["Idempotent-Replayed"] = "true"
        response.headers["Original-Request"] = answer.original_request
    return response
