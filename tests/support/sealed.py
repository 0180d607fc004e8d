"""The suite talks to this machine alone."""

import ipaddress
import sys
from typing import Any


class SealBrokenError(RuntimeError):
    """A test reached for a host beyond loopback."""


def refuse_beyond_loopback(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: connecting to, or looking up, anything but this machine raises SealBrokenError."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event == "socket.connect" and isinstance(args[1], tuple):  # a str is a Unix socket: this machine
        host = args[1][0]
    else:
        return
    if host and not is_loopback(host.decode() if isinstance(host, bytes) else host):
        raise SealBrokenError(f"the suite is sealed, yet something asked for {host!r}")


def is_loopback(host: str) -> bool:
    """Whether this name or address means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def seal() -> None:
    """Seal this process for good: an audit hook cannot be taken off again."""
    sys.addaudithook(refuse_beyond_loopback)
