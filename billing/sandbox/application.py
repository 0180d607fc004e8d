from typing import TYPE_CHECKING

from flask import Flask

from billing.core import assets
from billing.sandbox import cli, pages
from billing.sandbox.wire.http import api

if TYPE_CHECKING:
    from billing.sandbox.sandbox import Sandbox


def build_app(sandbox: "Sandbox") -> Flask:
    """The sandbox's own Flask app; it works at its root and below a prefix."""
    app = Flask(
        "billing.sandbox",
        template_folder=str(assets.folder("templates")),
        static_folder=str(assets.folder("static") / "sandbox"),
    )
    app.register_blueprint(api(sandbox))
    pages.register(app, sandbox)
    cli.init_app(app, sandbox)
    return app
