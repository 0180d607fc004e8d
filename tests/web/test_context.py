"""Amounts and dates, written for the visitor whatever their browser says of its languages."""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.core.errors import Misconfigured
from billing.core.money import Money
from billing.web import context
from tests.support.clock import START
from tests.web.conftest import RequestWith


@pytest.mark.parametrize(
    ("languages", "locale", "written"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de_DE", "12,50\xa0$"),
        ("de", "de", "12,50\xa0$"),
        ("en-GB", "en_GB", "US$12.50"),
        ("en;q=0.5, fr-FR", "fr_FR", "12,50\xa0$US"),
        ("zh-Hant-TW", "zh_Hant_TW", "US$12.50"),
        ("xx-YY, nb-NO", "nb_NO", "12,50\xa0USD"),
        ("", "en_US", "$12.50"),
        ("*", "en_US", "$12.50"),
        ("tlh", "en_US", "$12.50"),
        ("-", "en_US", "$12.50"),
        ("../../etc/passwd", "en_US", "$12.50"),
    ],
)
def test_amounts_are_the_visitors(request_with: RequestWith, languages: str, locale: str, written: str) -> None:
    with request_with(Accept_Language=languages):
        assert context.locale() == locale
        assert context.as_money(Money(1250, "usd")) == written
        assert context.locale() == locale


@given(st.lists(st.from_regex(r"[A-Za-z0-9*_@.-]{1,12}(;q=[01](\.\d)?)?", fullmatch=True)).map(",".join))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_language_is_too_odd(request_with: RequestWith, languages: str) -> None:
    with request_with(Accept_Language=languages):
        assert "12" in context.as_money(Money(1200, "usd")) or context.locale() != "en_US"


def test_dates_are_in_the_language_of_the_page(request_with: RequestWith) -> None:
    with request_with(Accept_Language="de"):
        assert context.as_day(START) == "Mar 2, 2026"
        assert context.as_moment(START).replace("\u202f", " ") == "Mar 2, 2026, 9:00:00 AM UTC"


def test_a_filter_of_the_hosts_is_not_taken_over() -> None:
    app = Flask("host")
    context.add_filters(app)
    context.add_filters(app)
    app.jinja_env.filters["billing_day"] = str
    with pytest.raises(Misconfigured, match="billing_day"):
        context.add_filters(app)
