"""Who is asking, where the host app does not say."""

import pytest
from flask import Flask

from billing.core.errors import Misconfigured
from billing.web import visitor


def test_an_app_without_flask_login_is_told_to_say_who_is_there() -> None:
    words = r"Billing asks Flask-Login who is there; without it, give Billing\(hosts=Hosts\(account=…\)\)"
    with Flask("host").app_context(), pytest.raises(Misconfigured, match=words):
        visitor.account_of_current_user()
