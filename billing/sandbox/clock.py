"""The sandbox's time, kept in its file so that every process agrees."""

import sqlite3
import time

from billing.sandbox.store import read_setting, write_setting


def now(connection: sqlite3.Connection) -> int:
    """The sandbox's time in epoch seconds: a standing clock, or the wall clock plus an offset."""
    clock = read_setting(connection, "clock", {"standing": None, "offset": 0})
    standing: int | None = clock["standing"]
    return int(time.time()) + int(clock["offset"]) if standing is None else standing


def is_standing(connection: sqlite3.Connection) -> bool:
    """Whether the clock moves by `move_to` alone."""
    return read_setting(connection, "clock", {"standing": None})["standing"] is not None


def stand_at(connection: sqlite3.Connection, moment: int) -> None:
    """Stop the clock at `moment`, unless the file already has a clock."""
    if read_setting(connection, "clock", None) is None:
        write_setting(connection, "clock", {"standing": moment, "offset": 0})


def move_to(connection: sqlite3.Connection, moment: int) -> None:
    """Set the time to `moment`; a running clock runs on from there."""
    clock = read_setting(connection, "clock", {"standing": None, "offset": 0})
    if clock["standing"] is None:
        clock["offset"] = moment - int(time.time())
    else:
        clock["standing"] = moment
    write_setting(connection, "clock", clock)
