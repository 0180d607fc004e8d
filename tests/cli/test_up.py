"""`flask up`: what it does beside serving, and where it cannot serve."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from billing.core import db
from billing.sync.models import WebhookEvent
from tests.flows import steps
from tests.support.portal import Portal
from tests.sync.test_work import wait_until

PROJECT = Path(__file__).parents[2]


def test_a_port_that_is_taken_is_told_with_the_way_out(sqlite_portal: Portal) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        with steps.deployment(sqlite_portal, PORT=str(port)) as app:
            result = app.test_cli_runner().invoke(args=["up"])
    assert result.exit_code == 1
    assert f"Port {port} is taken. Choose another: make run PORT=5001" in result.output


def test_webhooks_arrive_before_anybody_visits(sqlite_portal: Portal) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    kept = {"PATH": os.environ["PATH"], "PORT": port, "SANDBOX_DELIVERIES": "background"}
    command = [sys.executable, "-m", "flask", "--app", "app", "up"]
    sqlite_portal.run("billing", "sync", "tail")  # so that it is not that which brings the event
    sqlite_portal.sandbox.call("POST", "/v1/customers", {"email": "ada@example.com"})

    def came() -> bool:
        with sqlite_portal.app.app_context(), db.edge() as session:
            return "customer.created" in session.scalars(select(WebhookEvent.type)).all()

    assert not came()
    with subprocess.Popen(
        command, cwd=PROJECT, env=sqlite_portal.settings | kept, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as portal:
        try:
            assert wait_until(came)
        finally:
            portal.kill()
