"""Stripe's own SDK for Node and command line, unmodified, against a sandbox served on loopback: `make test-clients`."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from billing.sandbox import Sandbox

HERE = Path(__file__).parent
CLI = HERE / "node_modules" / ".bin" / "stripe"
TRIGGERS = (
    *("product.created", "price.created", "customer.created", "customer.subscription.created", "invoice.paid"),
    *("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.requires_action"),
    *("payment_intent.amount_capturable_updated", "payment_intent.processing", "payment_intent.canceled"),
    *("charge.captured", "charge.failed", "charge.refunded", "charge.dispute.created"),
    *("checkout.session.completed", "checkout.session.expired"),
    *("setup_intent.succeeded", "setup_intent.setup_failed", "payment_method.attached"),
)


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a new sandbox, delivering its webhooks."""
    sandbox = Sandbox(folder / "sandbox.sqlite3", public_url="http://127.0.0.1")
    server = make_server("127.0.0.1", 0, sandbox.app, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sandbox.start_deliveries()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        sandbox.close()


def run_node(address: str) -> None:
    """The SDK for Node: calls, pages, errors, idempotency, and webhooks verified by it."""
    subprocess.run(
        ["node", "node_sdk.mjs"], cwd=HERE, env={**os.environ, "SANDBOX_URL": address}, check=True, timeout=120
    )


def run_cli(address: str, folder: Path) -> None:
    """The command line: its resources, its plain requests, and the events it can trigger."""

    def stripe(*words: str) -> str:
        command = [str(CLI), *words, "--api-base", address, "--api-key", "sk_test_commandline0123456789"]
        home = {**os.environ, "XDG_CONFIG_HOME": str(folder), "STRIPE_CLI_TELEMETRY_OPTOUT": "1"}
        done = subprocess.run(command, env=home, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            sys.exit(f"stripe {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def answer(*words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_json_in(stripe(*words)))
        if "error" in found:
            sys.exit(f"stripe {' '.join(words)}: {found['error']}")
        return found

    customer = answer("customers", "create", "--email", "ada@example.com", "-d", "metadata[plan]=pro")
    answer("customers", "update", customer["id"], "--name", "Ada")
    read = answer("get", f"/v1/customers/{customer['id']}")
    expect(read["name"] == "Ada" and read["metadata"] == {"plan": "pro"}, "the customer reads back", read)
    answer("post", "/v1/products", "-d", "name=Pro")
    expect(len(answer("products", "list", "--limit", "3")["data"]) == 1, "the product is listed", None)
    for event in TRIGGERS:
        stripe("trigger", event)
        listed = answer("events", "list", "--type", event)
        expect(bool(listed["data"]), f"`stripe trigger {event}` causes it", listed)
    deleted = answer("customers", "delete", customer["id"], "--confirm")
    expect(deleted["deleted"] is True, "the customer is deleted", deleted)
    print(f"Stripe's command line {stripe('version').split()[2]}: works")


def _json_in(output: str) -> str:
    """The answer, without what the command line says to people before it."""
    return output[output.find("{") :]


def expect(holds: bool, what: str, found: object) -> None:
    """End with what was found instead."""
    if not holds:
        sys.exit(f"not so: {what}: {found}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, run in (("node", lambda at, _: run_node(at)), ("cli", run_cli)):
            own = Path(folder) / name
            own.mkdir()
            with served(own) as address:
                run(address, own)


if __name__ == "__main__":
    main()
