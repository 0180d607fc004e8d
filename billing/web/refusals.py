"""Refusals as answers: a page in words for people, JSON with a code for programs."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from flask import Response, jsonify, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from billing.core.errors import Action, Refusal, Unavailable
from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.logging import get_logger, request_id
from billing.web import context

log = get_logger(__name__)

_WORDS = {
    401: (N_("Please sign in"), N_("This page is for signed-in people.")),
    403: (N_("Not allowed"), N_("You may not see this page.")),
    404: (N_("Page not found"), N_("There is nothing here, or it is not yours to see.")),
    405: (N_("That does not work here"), N_("This address does not take that kind of request.")),
    413: (N_("Too large"), N_("What was sent is larger than this page takes.")),
    429: (N_("Too many attempts"), N_("Please wait a minute and try again.")),
    500: (N_("Something broke"), N_("It is our fault, and nothing was lost. Please try again in a moment.")),
}


def wants_json() -> bool:
    """Whether the caller would rather have JSON than a page."""
    accepted = request.accept_mimetypes
    return accepted.best_match(["text/html", "application/json"]) == "application/json"


def answer(refusal: Refusal, details: Mapping[str, Any] = MappingProxyType({})) -> Response:
    """The answer to a request that was refused; `details` are for programs, beside the code."""
    level = log.error if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR else log.info
    level("refused", code=refusal.code, status=refusal.status, words=refusal.message)
    message = refusal.message
    if isinstance(refusal, Unavailable):
        message += " " + _("Your other pages keep working.")
    return page(refusal.status, _(refusal.title), message, refusal.actions, code=refusal.code, details=details)


def answer_http(error: HTTPException) -> Response:
    """The answer to what Flask itself refuses, such as an unknown address."""
    if error.response is not None:
        return error.response  # type: ignore[return-value]  # an answer somebody made; Flask's at run time
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST or isinstance(error, SecurityError):
        # A redirect, raised; or a request for a host that is not ours, where no link of ours would work.
        return error.get_response()  # type: ignore[return-value]  # Flask's at run time
    if isinstance(error, CSRFError):
        title = _("This form has expired")
        message = _("Go back, reload the page and send the form again. Nothing was changed.")
    else:
        title, message = _WORDS.get(status, (N_("That did not work"), error.description or ""))
        title, message = _(title), _(message)
    response = page(status, title, message, code=HTTPStatus(status).phrase.lower().replace(" ", "_"))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def page(
    status: int,
    title: str,
    message: str,
    actions: tuple[Action, ...] = (),
    *,
    code: str = "refused",
    details: Mapping[str, Any] = MappingProxyType({}),
) -> Response:
    """An error page, or the same as JSON."""
    if wants_json():
        response = jsonify(error={**details, "code": code, "message": message, "request_id": request_id()})
    else:
        links = actions or (_way_on(),)
        body = render_template(
            "billing/error.html",
            code=status,
            title=title,
            message=message,
            actions=links,
            request_id=request_id(),
            **context.for_page(),
        )
        response = make_response(body)
    response.status_code = status
    return response


def _way_on() -> Action:
    page = context.for_page()
    if page["manages_billing"]:
        return Action(_("Go to billing"), url_for("billing.overview"))
    if page["team_choices"]:
        return Action(_("Go to your team"), url_for("billing.team"))
    return Action(_("See the plans"), url_for("billing.pricing"))


def bug() -> Response:
    """The answer when the program itself is wrong; it asks the database nothing, for that may be what broke."""
    context.degrade()
    title, message = map(_, _WORDS[500])
    return page(500, title, message, code="internal_error")
