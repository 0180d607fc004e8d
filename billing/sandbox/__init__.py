"""A stateful local Stripe: the official SDKs work against it unmodified, and its clock can be moved.

It imports nothing of `billing` but `billing.core`.
"""

import os
from pathlib import Path

from flask import Flask

from billing.sandbox.sandbox import Sandbox, answered
from billing.sandbox.webhooks import WebhookEndpointConfig
from billing.sandbox.wire.errors import StripeApiError

__all__ = ["Sandbox", "StripeApiError", "WebhookEndpointConfig", "answered", "create_app"]


def create_app() -> Flask:
    """The sandbox alone (`flask --app billing.sandbox run`), on the file SANDBOX_DATABASE names."""
    path = Path(os.environ.get("SANDBOX_DATABASE", "instance/sandbox.sqlite3"))
    sandbox = Sandbox(path, public_url=os.environ.get("SANDBOX_URL", "http://localhost:5000"))
    sandbox.start_deliveries()
    return sandbox.app
