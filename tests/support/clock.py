"""When every story begins."""

from datetime import UTC, datetime

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning."""
