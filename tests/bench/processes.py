"""Processes beside the one that measures."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def process(command: list[str], port: int, **environment: str) -> Iterator[None]:
    """Run `command` until it listens on `port`, and for as long as the block lasts."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with subprocess.Popen(command, cwd=ROOT, env=kept | environment) as started:
        try:
            while True:
                if started.poll() is not None:
                    raise RuntimeError(f"{command[2]} ended before it listened")
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield
        finally:
            started.terminate()
            started.wait()
