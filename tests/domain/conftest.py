"""Inside the portal's application, where domain code runs."""

from collections.abc import Iterator

import pytest

from tests.support.portal import Portal


@pytest.fixture
def inside(sqlite_portal: Portal) -> Iterator[Portal]:
    """The portal, within its application context."""
    with sqlite_portal.app.app_context():
        yield sqlite_portal
