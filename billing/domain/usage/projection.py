"""Stripe's reports of usage it could not count -> rows."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from billing.core.mirror import Change, store
from billing.domain.usage.models import MeterError


def project_error(session: Session, event: dict[str, Any], as_of: int) -> Change[MeterError]:
    """Keep the report that is the `data` of a thin event, fetched whole; its times are ISO 8601."""
    data = event["data"]
    related = event.get("related_object")  # the event for a name that no meter has does not have the field
    values = {
        "livemode": event["livemode"],
        "meter": related["id"] if related else None,
        "summary": data["developer_message_summary"],
        "count": data["reason"]["error_count"],
        "errors": [_error(error) for error in data["reason"]["error_types"]],
        "window_start": datetime.fromisoformat(data["validation_start"]),
        "window_end": datetime.fromisoformat(data["validation_end"]),
        "created_at": datetime.fromisoformat(event["created"]),
    }
    return store(session, MeterError, event["id"], as_of, values)


def _error(error: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": error["code"],
        "count": error["error_count"],
        "samples": [
            {"message": sample["error_message"], "identifier": sample["request"]["identifier"]}
            for sample in error["sample_errors"]
        ],
    }
