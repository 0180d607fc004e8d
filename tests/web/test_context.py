"""The filters of ours in a host app's templates."""

import pytest
from flask import Flask

from billing.core.errors import Misconfigured
from billing.web import context


def test_a_filter_of_the_hosts_is_not_taken_over() -> None:
    app = Flask("host")
    context.add_filters(app)
    context.add_filters(app)
    app.jinja_env.filters["billing_day"] = str
    with pytest.raises(Misconfigured, match="has a template filter named billing_day already"):
        context.add_filters(app)
