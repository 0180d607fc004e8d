"""Words, amounts and dates in the reader's language."""

from contextlib import AbstractContextManager

import pytest
from flask import Flask, g, session
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from billing.core import i18n
from billing.core.i18n import gettext, ngettext
from billing.core.money import Money
from tests.support.clock import START


def app_in(locale: str) -> Flask:
    app = Flask("host")
    app.secret_key = "key"
    i18n.init_app(app, locale)
    return app


def asking(languages: str, *, default: str = "en_US") -> AbstractContextManager[object]:
    """A request of a browser that names these languages."""
    return app_in(default).test_request_context(headers={"Accept-Language": languages})


@pytest.mark.parametrize(
    ("languages", "locale", "written"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de_DE", "12,50\xa0$"),
        ("de-CH", "de_CH", "$\xa012.50"),
        ("de", "de", "12,50\xa0$"),
        ("en-GB", "en_GB", "US$12.50"),
        ("en;q=0.5, de-AT", "de_AT", "$\xa012,50"),
        ("fr-FR, de;q=0.5", "de", "12,50\xa0$"),
        ("de;q=0, en", "en", "$12.50"),
        ("fr-FR", "en_US", "$12.50"),
        ("xx-YY, nb-NO", "en_US", "$12.50"),
        ("", "en_US", "$12.50"),
        ("*", "en_US", "$12.50"),
        ("tlh", "en_US", "$12.50"),
        ("-", "en_US", "$12.50"),
        ("../../etc/passwd", "en_US", "$12.50"),
    ],
)
def test_the_browsers_first_language_that_we_speak_decides(languages: str, locale: str, written: str) -> None:
    with asking(languages):
        assert i18n.locale() == locale
        assert i18n.money(Money(1250, "usd")) == written
        assert i18n.locale() == locale


@given(st.lists(st.from_regex(r"[A-Za-z0-9*_@.-]{1,12}(;q=[01](\.\d)?)?", fullmatch=True)).map(",".join))
@settings(deadline=None)
@pytest.mark.long
def test_no_language_is_too_odd(languages: str) -> None:
    with asking(languages):
        assert i18n.language() in i18n.LANGUAGES
        assert i18n.day(START)


def test_words_dates_and_amounts_are_in_one_language() -> None:
    with asking("de"):
        assert gettext("Not found") == "Nicht gefunden"
        assert i18n.day(START) == "02.03.2026"
        assert i18n.moment(START) == "02.03.2026, 09:00:00 UTC"
    with asking("fr"):
        assert gettext("Not found") == "Not found"
        assert i18n.day(START) == "Mar 2, 2026"


def test_the_setting_speaks_to_whoever_names_no_language_of_ours() -> None:
    with asking("fr", default="de_AT"):
        assert (i18n.locale(), gettext("Not found")) == ("de_AT", "Nicht gefunden")
    with asking("nl", default="fr_FR"):  # its amounts, in English words
        assert (i18n.locale(), i18n.language(), i18n.day(START)) == ("fr_FR", "en", "2 mars 2026")
    with app_in("de_DE").app_context():
        assert i18n.language() == "de"
    assert i18n.locale() == "en_US"


def test_a_choice_is_stronger_than_the_browser_and_kept_in_the_session() -> None:
    with asking("en, de-CH;q=0.1"):
        assert (i18n.locale(), i18n.asked_for()) == ("en", "en")
        i18n.choose("de")
        assert (i18n.locale(), i18n.asked_for()) == ("de_CH", "de_CH")  # written as the browser would have it
        g.pop("billing_locale")
        session["billing_language"] = "xx"
        assert i18n.locale() == "en"
    with asking("fr", default="de_AT"):
        i18n.choose("de")
        assert i18n.locale() == "de_AT"
        i18n.choose("en")
        assert i18n.locale() == "en"


def test_what_is_known_of_the_visitor_is_stronger_than_the_browser_and_weaker_than_a_choice() -> None:
    with asking("en"):
        i18n.prefer("de_AT")
        assert (i18n.locale(), i18n.asked_for()) == ("de_AT", "en")
        i18n.choose("en")
        assert i18n.language() == "en"
    with asking("fr"):
        i18n.prefer(None)
        assert (i18n.language(), i18n.asked_for()) == ("en", None)


def test_some_pages_speak_one_language() -> None:
    with asking("de"):
        i18n.choose("de")
        i18n.speak("en")
        assert i18n.language() == "en"


def test_a_block_speaks_its_own_language() -> None:
    with asking("en"):
        with i18n.using("de_DE"):
            assert gettext("Not found") == "Nicht gefunden"
            with i18n.using(None):
                assert gettext("Not found") == "Not found"
            assert gettext("Not found") == "Nicht gefunden"
        assert gettext("Not found") == "Not found"
    with i18n.using("nonsense"):
        assert i18n.locale() == "en_US"


def test_numbers_choose_their_form() -> None:
    assert ngettext("%(count)s seat", "%(count)s seats", 1) == "1 seat"
    assert ngettext("%(count)s seat", "%(count)s seats", 1200) == "1,200 seats"


def test_no_words_stay_no_words() -> None:
    with i18n.using("de"):
        assert gettext("") == ""


def test_templates_escape_values_where_they_are_html_and_nowhere_else() -> None:
    said = "{{ say('<b>%(name)s</b> costs 5%%', name=name) }} {{ say('<i>100%</i>') }} " + (
        "{{ say_plural('%(count)s seat of %(name)s', '%(count)s seats of %(name)s', 2, name=name) }}"
    )
    html = Environment(autoescape=True).from_string(said).render(i18n.for_templates(), name="<Ann>")
    assert html == "<b>&lt;Ann&gt;</b> costs 5% <i>100%</i> 2 seats of &lt;Ann&gt;"
    text = Environment(autoescape=False).from_string(said).render(i18n.for_templates(), name="<Ann>")  # noqa: S701  # as plain text is
    assert text == "<b><Ann></b> costs 5% <i>100%</i> 2 seats of <Ann>"
