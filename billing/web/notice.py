"""The notice of what is unpaid, for pages of host apps."""

from flask import render_template
from markupsafe import Markup

from billing.web import context


def payment_notice() -> Markup:
    """What the visitor has to pay, why it was refused, what becomes of access, and the way to pay, as HTML.

    Empty where there is nothing to say. It needs no style sheet of ours, but is meant for the one of billing's pages.
    """
    return Markup(render_template("billing/payment_due.html", **context.for_page()).strip())  # noqa: S704  # our template, escaped by Jinja
