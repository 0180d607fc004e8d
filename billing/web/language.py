"""The language a visitor chooses at the foot of a page."""

import re

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from billing.core import i18n
from billing.core.errors import Invalid
from billing.core.i18n import gettext as _
from billing.domain.accounts import service as accounts
from billing.web import visitor
from billing.web.pages import pages

_OWN_PATH = re.compile(r"/(?![/\\])[^\s\\]*")
"""A path on this host: browsers take two slashes, and a backslash for either, as another host's name."""


@pages.post("/billing/language", endpoint="language")
def choose() -> ResponseReturnValue:
    """Remember the posted `language` for this visitor, and for their account's mails; lead back to `next`."""
    language = request.form.get("language", "")
    if language not in i18n.LANGUAGES:
        raise Invalid(_("Choose one of the languages shown."), field="language")
    i18n.choose(language)
    visit = visitor.visit()
    if visit is not None:
        accounts.set_locale(visit.person, i18n.locale())
    next_path = request.form.get("next", "")
    return redirect(next_path if _OWN_PATH.fullmatch(next_path) else url_for("billing.pricing"), 303)
