"""Which Stripe account a sandbox is: each file is one of its own."""

import sqlite3

from billing.sandbox import ids
from billing.sandbox.store import read_setting, write_setting

_SETTING = "account"


def account(connection: sqlite3.Connection) -> str:
    """The account's id."""
    return str(read_setting(connection, _SETTING, None))


def ensure(connection: sqlite3.Connection, account: str | None = None) -> None:
    """Make the file this account, or a new one; unless it is one already."""
    if read_setting(connection, _SETTING, None) is None:
        write_setting(connection, _SETTING, account or ids.new_id("acct", 16))
