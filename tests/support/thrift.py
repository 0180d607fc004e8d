"""What every test would do anew and no test is about: done once for all tests of a process."""

import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from werkzeug.routing import Rule

_MEMORY = Path("/dev/shm")  # noqa: S108  # the files in it are pytest's, in folders of its user's own
_ROOM = 1 << 30


def spare() -> None:
    """Spare this process for good; before anything is imported that a test is about."""
    _keep_files_in_memory()
    _write_addresses_once()


def settle() -> None:
    """Once all tests are imported: what they have brought along stays, so nothing need look through it for garbage."""
    gc.collect()
    gc.freeze()


def _keep_files_in_memory() -> None:
    """Thousands of databases that live for a second need no disk; one that is short of memory keeps to /tmp."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def _write_addresses_once() -> None:
    """Werkzeug writes and compiles a function for every route of every app, which is half of what making one takes."""
    compile_builder = Rule._compile_builder
    known: dict[object, Callable[..., tuple[str, str]]] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:  # whose converters have a say
            return compile_builder(rule, append_unknown)
        key = (append_unknown, rule.rule, tuple(rule._trace))
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    vars_of: Any = Rule
    vars_of._compile_builder = compile_once
