"""Where Stripe posts its events. Kept first, answered, then worked off."""

from flask import Flask, Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from billing.core import ratelimit, settings
from billing.core.errors import Refusal
from billing.core.logging import get_logger
from billing.sync import inbox, processor
from billing.web.blueprint import PageBlueprint

log = get_logger(__name__)

webhooks = PageBlueprint("billing_webhooks", __name__, checks_csrf=False)

_LARGEST_BODY = 512 * 1024
_BAD_LIMIT = "60 per minute"
_ALSO_DUE = 5  # failed events that are tried again on the way


@webhooks.url_value_preprocessor
def _lift_the_hosts_csrf_protection(_endpoint: str | None, _values: dict[str, object] | None) -> None:
    """A host's own CSRFProtect cannot know that Stripe signs instead.

    Done here, which comes before its check, because it may be added to the app after us.
    """
    csrf = current_app.extensions.get("csrf")
    if csrf is not None:
        csrf.exempt(webhooks)


@webhooks.post("/webhooks/stripe")
def receive() -> ResponseReturnValue:
    """Take an event in: 200 once it is durably kept, 4xx and nothing stored for what Stripe did not sign."""
    if not settings.current().webhook_secrets:
        abort(404)
    request.max_content_length = _LARGEST_BODY  # nobody is to read more than that into memory
    try:
        body = request.get_data()
        if len(body) > _LARGEST_BODY:  # a host's own hook may have read it before us
            abort(413, "No event is that large.")
        if request.mimetype != "application/json":
            abort(415, "Stripe's events are application/json.")
        waiting = inbox.receive(body, request.headers.get("Stripe-Signature", ""))
    except (Refusal, HTTPException) as error:
        log.warning("webhook_refused", reason=str(error), remote=request.remote_addr)
        ratelimit.hit("bad webhook", request.remote_addr or "", _BAD_LIMIT)
        raise
    response = jsonify(received=True)
    if waiting is not None:
        _work_off_after(response, waiting)
    return response


def _work_off_after(response: Response, event_id: int) -> None:
    """Process the event, and others that are due, once the answer has been sent and the event is committed."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's target, not its stub

    @response.call_on_close
    def work_off() -> None:
        with app.app_context():
            processor.process(event_id)
            processor.process_due(limit=_ALSO_DUE)
