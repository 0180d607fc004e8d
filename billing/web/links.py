"""Links that leave this deployment and come back."""

from typing import Any

from flask import url_for

from billing.core import settings


def absolute(endpoint: str, **values: Any) -> str:
    """The public URL of a page: on the address this deployment is known by, whatever a request's Host header says."""
    return settings.current().base_url + url_for(endpoint, **values)
