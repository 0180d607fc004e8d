"""API keys: secret ones may do everything, restricted ones what they were made for.

https://docs.stripe.com/keys#limit-access
"""

import re
import sqlite3
from collections.abc import Mapping

from werkzeug.datastructures import Authorization

from billing.sandbox import identity, ids
from billing.sandbox.store import read_setting, write_setting
from billing.sandbox.wire.errors import invalid

LEVELS = ("none", "read", "write")
_FAMILIES = ("billing", "billing_portal", "checkout", "entitlements", "radar", "sandbox", "test_helpers")
_SETTING = "restricted_keys"


def read(credentials: Authorization | None) -> str:
    """The key a request carries, by Bearer or as the user of Basic authentication; only test keys are let in."""
    key = None
    if credentials is not None:
        key = credentials.token if credentials.type == "bearer" else credentials.username
    if not key:
        message = (
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
        raise invalid(message, status=401)
    if not re.fullmatch(r"(sk|rk|pk)_test_\w+", key):
        raise invalid(f"Invalid API Key provided: {_masked(key)}", status=401)
    return key


def restrict(connection: sqlite3.Connection, permissions: Mapping[str, str]) -> str:
    """A new restricted key; `permissions` maps resources, as in `customers` or `checkout_sessions`, to a level."""
    key = ids.new_id("rk_test", 32)
    write_setting(connection, _SETTING, {**read_setting(connection, _SETTING, {}), key: dict(permissions)})
    return key


def check_permission(connection: sqlite3.Connection, key: str, method: str, path: str) -> None:
    """Refuse what a restricted key may not do; one the sandbox did not make may do everything."""
    if not key.startswith("rk_"):
        return
    permissions = read_setting(connection, _SETTING, {}).get(key)
    if permissions is None:
        return
    resource, needed = resource_of(path), "read" if method == "GET" else "write"
    if LEVELS.index(permissions.get(resource, "none")) < LEVELS.index(needed):
        message = (
            f"The provided key '{_masked(key)}' does not have the required permissions for this endpoint on account "
            f"'{identity.account(connection)}'. Having the 'rak_{resource.removesuffix('s')}_{needed}' permission "
            "would allow this request to continue."
        )
        raise invalid(message, status=403)


def resource_of(path: str) -> str:
    """The resource a path belongs to: `/v1/checkout/sessions/cs_1` is one of `checkout_sessions`."""
    parts = path.removeprefix("/v1/").removeprefix("/v2/core/").split("/")
    return "_".join(parts[:2]) if parts[0] in _FAMILIES else parts[0]


def _masked(key: str) -> str:
    return key[:8] + "*" * max(len(key) - 12, 4) + key[-4:] if len(key) > 12 else key[:3] + "****"
