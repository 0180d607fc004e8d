"""Where Stripe posts its events. Kept first, answered, then worked off."""

from flask import Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from billing.core import ratelimit, settings
from billing.core.errors import Refusal
from billing.core.logging import get_logger
from billing.sync import inbox, work
from billing.web.blueprint import PageBlueprint, opens_edges

log = get_logger(__name__)

webhooks = PageBlueprint("billing_webhooks", __name__, checks_csrf=False)

_LARGEST_BODY = 512 * 1024
_BAD_LIMIT = "60 per minute"
_RECEIVED = b'{"received":true}\n'


@webhooks.url_value_preprocessor
def _lift_the_hosts_csrf_protection(_endpoint: str | None, _values: dict[str, object] | None) -> None:
    """A host's own CSRFProtect cannot know that Stripe signs instead.

    Done here, which comes before its check, because it may be added to the app after us.
    """
    csrf = current_app.extensions.get("csrf")
    if csrf is not None:
        csrf.exempt(webhooks)


@webhooks.post("/webhooks/stripe")
@opens_edges  # a visitor's account, which any other view settles before its own, is of no use here
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
        kept = inbox.receive(body, request.headers.get("Stripe-Signature", ""), hold=work.current().hold)
    except (Refusal, HTTPException) as error:
        log.warning("webhook_refused", reason=str(error), remote=request.remote_addr)
        ratelimit.hit("bad webhook", request.remote_addr or "", _BAD_LIMIT)
        raise
    response = Response(_RECEIVED, mimetype="application/json")
    if kept is not None:
        at_work = work.current()
        response.call_on_close(lambda: at_work.begin(kept))
    return response
