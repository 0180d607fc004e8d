"""Inside a request to the portal."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.support.portal import Portal

RequestWith = Callable[..., AbstractContextManager[object]]


@pytest.fixture
def request_with(sqlite_portal: Portal) -> RequestWith:
    """Makes a request that carries these headers."""

    def within(**headers: str) -> AbstractContextManager[object]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return sqlite_portal.app.test_request_context("/pricing", headers=named)

    return within
