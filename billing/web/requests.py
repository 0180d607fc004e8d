"""The request's id: on every log line, on error pages, and in the answer's X-Request-Id."""

from uuid import uuid4

from flask import Response

from billing.core import logging


def begin() -> None:
    """Give the request its id, if it has none yet."""
    if logging.request_id() is None:
        logging.bind_request(f"req-{uuid4().hex[:12]}")


def tell(response: Response) -> Response:
    """Put the id on the answer."""
    if request_id := logging.request_id():
        response.headers.setdefault("X-Request-Id", request_id)
    return response


def end(_error: BaseException | None) -> None:
    """Forget the id: the thread goes on to other requests."""
    logging.unbind_request()
