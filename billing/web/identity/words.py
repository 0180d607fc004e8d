"""Flask-Security's words in the reader's language: ours where we say it otherwise, else its own translations."""

import gettext
from functools import cache
from pathlib import Path
from typing import Any

import flask_security
from flask import Flask
from flask_security.babel import FsDomain

from billing.core import i18n

_THEIRS = Path(flask_security.__file__).resolve().parent / "translations"
_LOCALES = {"de": "de_DE"}


class Words(FsDomain):
    """What Flask-Security asks for each of its words."""

    def gettext(self, string: str, **variables: Any) -> str:
        """`string` in the reader's language, with its `variables`."""
        said = i18n.gettext(string)
        if said == string:
            said = _theirs(i18n.language()).gettext(string)
        return said % variables if variables else said


def init_app(app: Flask) -> None:
    """Let Flask-Security, which `app` has already, speak as our pages do."""
    words = Words(app)  # type: ignore[no-untyped-call]  # Flask-Security ships no types
    app.extensions["security"].i18n_domain = words
    app.jinja_env.globals["_fsdomain"] = words.gettext


@cache
def _theirs(language: str) -> gettext.NullTranslations:
    known = _LOCALES.get(language, language)
    return gettext.translation("flask_security", str(_THEIRS), [known], fallback=True)
