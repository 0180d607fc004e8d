"""`flask up`, where it cannot serve."""

import socket

from tests.flows import steps
from tests.support.portal import Portal


def test_a_port_that_is_taken_is_told_with_the_way_out(sqlite_portal: Portal) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        with steps.deployment(sqlite_portal, PORT=str(port)) as app:
            result = app.test_cli_runner().invoke(args=["up"])
    assert result.exit_code == 1
    assert f"Port {port} is taken. Choose another: make run PORT=5001" in result.output
