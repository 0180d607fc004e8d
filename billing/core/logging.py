"""Logs: structured, through the standard library, with one request id from the first line to the last.

In a host app they go to loggers named `billing.…` as lines of text (the values also as the record's `billing_event`),
and the host's set-up decides what becomes of them. The standalone portal sets its own process up with `configure`.
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, cast

import structlog
from structlog.stdlib import BoundLogger
from structlog.typing import EventDict, Processor, WrappedLogger

_REQUEST_ID = "request_id"
_SERVED = "serves"

_values_as_text = structlog.processors.LogfmtRenderer()


def get_logger(name: str) -> BoundLogger:
    """The logger of a module: `log.info("what_happened", key=value)`."""
    processors: list[Processor] = [
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        _as_record,
    ]
    logger = structlog.wrap_logger(logging.getLogger(name), processors=processors, wrapper_class=BoundLogger)
    return cast(BoundLogger, logger)


def _as_record(logger: WrappedLogger, method: str, event: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """What the standard library's logger is called with."""
    exc_info = event.pop("exc_info", None)
    whole = dict(event)
    words = f"{event.pop('event')} {_values_as_text(logger, method, event) if event else ''}".rstrip()
    return (words,), {"exc_info": exc_info, "extra": {"billing_event": whole}}


class _Formatter(logging.Formatter):
    """Lines in one form, whether a record is ours or a library's."""

    def __init__(self, form: Literal["text", "json"]) -> None:
        super().__init__()
        self._is_json = form == "json"
        self._render = (
            structlog.processors.JSONRenderer(default=str)
            if self._is_json
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        )

    def format(self, record: logging.LogRecord) -> str:
        """The line for `record`."""
        event: EventDict = {
            "timestamp": _moment(record.created),
            "level": record.levelname.lower(),
            **getattr(record, "billing_event", {"event": record.getMessage(), "logger": record.name}),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return str(self._render(None, record.levelname.lower(), event))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _StandardError(logging.Handler):
    """Writes to what standard error is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line."""
        sys.stderr.write(f"{self.format(record)}\n")


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Send the logs of this process, which must be our own, to standard error; again: in another form."""
    root = logging.getLogger()
    for earlier in [handler for handler in root.handlers if isinstance(handler, _StandardError)]:
        root.removeHandler(earlier)
    handler = _StandardError()
    handler.setFormatter(_Formatter(form))
    root.addHandler(handler)
    root.setLevel(level)
    for chatty in ("alembic", "stripe", "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def bind_request(request_id: str) -> None:
    """Let every line of this request carry `request_id`."""
    structlog.contextvars.bind_contextvars(**{_REQUEST_ID: request_id})


def unbind_request() -> None:
    """Let further lines belong to no request."""
    structlog.contextvars.unbind_contextvars(_REQUEST_ID)


def request_id() -> str | None:
    """The id that lines of this request carry."""
    value: str | None = structlog.contextvars.get_contextvars().get(_REQUEST_ID)
    return value


@contextmanager
def serving(request_ids: Sequence[str]) -> Iterator[None]:
    """Let every line inside name the requests (`serves`) that what is done here was asked for by."""
    with structlog.contextvars.bound_contextvars(**{_SERVED: list(request_ids)} if request_ids else {}):
        yield


def request_ids() -> tuple[str, ...]:
    """The ids of the requests this is done for: those served at the moment, or the one under way."""
    served: list[str] | None = structlog.contextvars.get_contextvars().get(_SERVED)
    here = request_id()
    return tuple(served) if served else (here,) if here else ()
