"""Words in the reader's language, and amounts and dates as they are written there.

English stands in the code and is the key to every other language; `billing/translations/<language>.po` holds those.

In Python, at the place where a person's words are made (while a request, a mail or a command is under way):

    from billing.core.i18n import N_, gettext as _, ngettext

    flash(_("%(card)s is saved.", card=name))
    ngettext("%(count)s seat", "%(count)s seats", seats)

What is written down sooner, in a table or a class, is marked with `N_("Paid")` there, and said with `_(text)` later.

In templates the same two are `say` and `say_plural`, which no host app's own `_` can be mistaken for:

    {{ say("Access ends on %(day)s.", day=until|billing_day) }}

Values are always named, never concatenated, so that a translation may move them. In HTML they are escaped; the text may
hold tags. After a change, `make translations` brings the .po up to date and says what is still to be translated.
Staff pages, commands, logs and the sandbox speak English only.
"""

import gettext as catalogs
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from flask import Flask, current_app, g, has_app_context, has_request_context, request, session
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from billing.core.money import Money

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""The languages there are words in, each by its own name."""

TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"

_EXTENSION = "billing.locale"
_CHOICE = "billing_language"
_FALLBACK = "en_US"
_SOURCE = "en"

# CLDR names these as well: groups of countries, parts of others, and what is none.
_NO_COUNTRIES = frozenset({"CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "UN", "XA", "XB", "ZZ"})

_using: ContextVar[str | None] = ContextVar("billing_locale", default=None)


def N_(message: str) -> str:
    """`message` itself, marked for translation; say it with `gettext`."""
    return message


_PER = {"day": N_("per day"), "week": N_("per week"), "month": N_("per month"), "year": N_("per year")}
_EVERY = {"day": N_("every day"), "week": N_("every week"), "month": N_("every month"), "year": N_("every year")}


def init_app(app: Flask, locale: str) -> None:
    """Let `app` speak as in `locale` (a CLDR id) to whoever asks for nothing else."""
    app.extensions[_EXTENSION] = locale


def gettext(message: str, **values: object) -> str:
    """`message` in the reader's language, with `values` for its `%(name)s`."""
    text = _catalog(language()).gettext(message) if message else ""  # "" is where a catalog keeps notes of its own
    return text % values if values else text


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """The form that goes with `number`, which is `%(count)s` in it."""
    text = _catalog(language()).ngettext(one, many, number)
    return text % {"count": format_decimal(number, locale=locale()), **values}


def locale() -> str:
    """The CLDR id that amounts and dates are written in: a block's own, the visitor's, the setting's."""
    inner = _using.get()
    if inner is not None:
        return inner
    if not has_request_context():
        return _default()
    if "billing_locale" not in g:
        g.billing_locale = _of_visitor()
    found: str = g.billing_locale
    return found


def language() -> str:
    """The language of the words: one of LANGUAGES."""
    return _spoken(locale()) or _SOURCE


@contextmanager
def using(locale: str | None) -> Iterator[None]:
    """Speak as in `locale` within the block, whoever asks; None: as the setting says. It is for mails."""
    token = _using.set(_known(locale or "") or _default())
    try:
        yield
    finally:
        _using.reset(token)


def choose(language: str) -> None:
    """Remember the visitor's choice, one of LANGUAGES, in their session."""
    session[_CHOICE] = language
    g.pop("billing_locale", None)


def prefer(locale: str | None) -> None:
    """Speak as in `locale` for the rest of the request (None: no matter), unless the visitor chose another language."""
    g.billing_preferred = locale
    g.pop("billing_locale", None)


def speak(language: str) -> None:
    """Speak `language` for the rest of the request, whatever the visitor chose: staff pages are in English."""
    g.billing_spoken = language
    g.pop("billing_locale", None)


def asked_for() -> str | None:
    """The locale the visitor chose or their browser asks for, as far as we speak it."""
    return locale() if _chosen() else next(filter(_spoken, _accepted()), None)


def day(moment: datetime) -> str:
    """The UTC date: Mar 2, 2026."""
    return format_date(moment, "medium", locale=locale())


def moment(moment: datetime) -> str:
    """The UTC date and time: Mar 2, 2026, 9:00:00 AM UTC."""
    return f"{format_datetime(moment, 'medium', locale=locale())} UTC"


def money(money: Money) -> str:
    """The amount with its currency: $12.50."""
    return money.format(locale())


def territories() -> dict[str, str]:
    """The names of countries, and of a few groups and parts of them, by CLDR's codes of two letters; sorted by name."""
    names = Locale.parse(locale()).territories.items()
    found = [(code, name) for code, name in names if len(code) == len("DE") and code.isalpha()]
    return dict(sorted(found, key=lambda entry: unicodedata.normalize("NFKD", entry[1]).casefold()))


def countries() -> dict[str, str]:
    """The names of countries by their codes (ISO 3166-1), sorted by name."""
    return {code: name for code, name in territories().items() if code not in _NO_COUNTRIES}


def span(length: timedelta) -> str:
    """A length of time in its largest unit: 5 days."""
    return format_timedelta(length, threshold=1, locale=locale())


def per(interval: str) -> str:
    """What stands behind the amount of a price of Stripe's `interval`: per month."""
    return gettext(_PER.get(interval, interval))


def every(interval: str) -> str:
    """How often a price of Stripe's `interval` is charged: every month."""
    return gettext(_EVERY.get(interval, interval))


def for_templates() -> dict[str, Callable[..., str]]:
    """`say` and `say_plural`: what templates use. They escape their values where the template is HTML."""
    return {"say": _say, "say_plural": _say_plural}


@pass_eval_context
def _say(template: EvalContext, message: str, **values: Any) -> str:
    text = gettext(message)
    safe = Markup(text) if template.autoescape else text  # noqa: S704  # our own words, and those of our translators
    return safe % values if values else safe


@pass_eval_context
def _say_plural(template: EvalContext, one: str, many: str, number: int, **values: Any) -> str:
    text = _catalog(language()).ngettext(one, many, number)
    safe = Markup(text) if template.autoescape else text  # noqa: S704  # as above
    return safe % {"count": format_decimal(number, locale=locale()), **values}


@cache
def _catalog(language: str) -> catalogs.NullTranslations:
    """The words of `language`, compiled on first use: some 50 ms, once in a process."""
    if language == _SOURCE:
        return catalogs.NullTranslations()
    compiled = BytesIO()
    with (TRANSLATIONS / f"{language}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return catalogs.GNUTranslations(compiled)


def _default() -> str:
    found: str = current_app.extensions.get(_EXTENSION, _FALLBACK) if has_app_context() else _FALLBACK
    return found


def _of_visitor() -> str:
    accepted, preferred = _accepted(), g.get("billing_preferred") or ""
    wanted = g.get("billing_spoken") or _chosen() or _spoken(preferred)
    if wanted:  # written as the browser would have it, where that speaks the same language
        return next((found for found in (*accepted, preferred, _default()) if _spoken(found) == wanted), wanted)
    return next(filter(_spoken, accepted), _default())


def _chosen() -> str | None:
    choice = session.get(_CHOICE)
    return choice if choice in LANGUAGES else None


def _accepted() -> list[str]:
    """The locales the browser names that are known, the dearest first."""
    return [found for name, quality in request.accept_languages if quality > 0 and (found := _known(name))]


def _spoken(locale: str) -> str | None:
    language = locale.partition("_")[0]
    return language if language in LANGUAGES else None


def _known(name: str) -> str | None:
    try:
        return str(Locale.parse(name, sep="-" if "-" in name else "_"))
    except (UnknownLocaleError, ValueError):
        return None
