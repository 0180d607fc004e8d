"""The blueprint of all staff pages, closed to everybody else. Importing the modules of views adds them to it."""

from flask.typing import ResponseReturnValue

from billing.core import i18n
from billing.core.errors import Forbidden, NotFound
from billing.domain.accounts.models import Account
from billing.domain.customers import queries as customers
from billing.web import visitor
from billing.web.blueprint import PageBlueprint, ask_to_sign_in

LARGEST_ID = 2**63 - 1
"""Databases refuse to look for larger ones."""

admin = PageBlueprint("billing_admin", __name__)


@admin.before_request
def _only_staff() -> ResponseReturnValue | None:
    i18n.speak("en")
    hosts = visitor.current_hosts()
    if visitor.account() is None:
        return ask_to_sign_in()
    if not hosts.is_staff():
        raise Forbidden("These pages are for staff.")
    hosts.check_staff()
    return None


def actor() -> str:
    """Who of the staff acts, for the audit trail: their e-mail address."""
    visit = visitor.visit()
    return visit.person.email if visit else "staff"


def account_of(account_id: int) -> Account:
    """The account a page is about. Raises NotFound."""
    found = customers.get_account(account_id)
    if found is None:
        raise NotFound("There is no such account.")
    return found
