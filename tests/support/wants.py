"""What a machine may lack: such tests skip, with one line in the summary, and fail under CI."""

import os
from typing import NoReturn

import pytest


def missing(what: str, why: str) -> NoReturn:
    """Skip the test for want of `what`; under CI nothing may be wanting."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} tests must run under CI: {why}", pytrace=False)
    pytest.skip(f"{what} tests: {why}")
