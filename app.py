"""The standalone portal: `flask --app app up`, or `gunicorn 'app:create_app()'`."""

from collections.abc import Mapping

from flask import Flask

from billing import Billing
from billing.cli.staff import staff
from billing.cli.starting import starting_in_words
from billing.cli.up import setup, up
from billing.web import standalone
from billing.web.identity import security


@starting_in_words  # a command fails of wrong settings before it begins
def create_app(overrides: Mapping[str, object] | None = None) -> Flask:
    """The portal. `overrides` are settings by name (see .env.example), stronger than the environment."""
    settings = standalone.load_settings(overrides)
    app = standalone.make_app(settings)
    Billing(app, hosts=security.hosts(settings), settings=settings)
    for command in (setup, up, staff):
        app.cli.add_command(command)
    return app
