"""The suite is sealed."""

import socket

import pytest

from tests.support.sealed import SealBrokenError


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_no_connection_beyond_loopback(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as outward, pytest.raises(SealBrokenError, match=host):
        outward.connect((host, 443))


def test_no_name_beyond_loopback_is_looked_up() -> None:
    with pytest.raises(SealBrokenError, match=r"api\.stripe\.com"):
        socket.create_connection(("api.stripe.com", 443))


def test_this_machine_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
