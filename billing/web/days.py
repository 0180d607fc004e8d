"""Days as people enter them in filters."""

from datetime import UTC, date, datetime

from billing.core.i18n import gettext as _


def read(name: str, value: str, errors: dict[str, str]) -> datetime | None:
    """The beginning (UTC) of the day entered in the field `name`; None for nothing, or a mistake, noted in `errors`."""
    if not value:
        return None
    try:
        day = date.fromisoformat(value)
        if not 1970 <= day.year <= 9000:
            raise ValueError(value)
    except ValueError:
        errors[name] = _("Write the date as year-month-day, such as 2026-11-20.")
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
