"""What a measurement was made on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

import psycopg

from tests.support.databases import POSTGRES_URL


def described() -> str:
    """Processor, load and versions, in two lines."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("stripe", "sqlalchemy", "psycopg", "flask"))
    return (
        f"{_processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.platform()}\n"
        f"Python {platform.python_version()}, {libraries}, {_postgres()}, SQLite {sqlite3.sqlite_version}"
    )


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _postgres() -> str:
    try:
        with psycopg.connect(POSTGRES_URL, connect_timeout=3) as connection:
            return f"PostgreSQL {connection.info.parameter_status('server_version')}"
    except psycopg.OperationalError:
        return "no PostgreSQL"
