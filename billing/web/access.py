"""What the visitor's account may use, and why."""

from babel.numbers import format_decimal
from flask import render_template, request
from flask.typing import ResponseReturnValue

from billing.core import i18n
from billing.domain.access import allowances
from billing.domain.access import service as access
from billing.domain.access import why as reasons
from billing.domain.accounts.models import Account
from billing.domain.catalog import queries as catalog
from billing.web.blueprint import signed_in
from billing.web.pages import pages


@pages.get("/account/access", endpoint="access")
@signed_in
def access_page(account: Account) -> ResponseReturnValue:
    """What is open and until when, by what, and what would change it; for one feature, where it is named."""
    names = catalog.feature_names()
    feature = request.args.get("feature", "")[:80]
    granted = access.access_for(account)
    asked = feature if feature in names or feature in granted.limits or feature in granted.allowances else ""
    plans = catalog.plan_names()
    found = reasons.why(account, asked)
    return render_template(
        "billing/account/access.html",
        why=found,
        asked=names.get(asked, asked.replace("_", " ").capitalize()),
        steps=[(step, plans.get(step.plan or "", "")) for step in found.steps],
        features=[(key, name, key in granted.features) for key, name in names.items()],
        limits=[(_name(key, names), _number(number)) for key, number in granted.limits.items()],
        allowances=[
            (_name(key, names), _number(allowances.remaining(account, key)), _number(given.amount), given.ends_at)
            for key, given in granted.allowances.items()
        ],
    )


def _name(key: str, names: dict[str, str]) -> str:
    return names.get(key, key.replace("_", " ").capitalize())


def _number(number: int) -> str:
    return format_decimal(number, locale=i18n.locale())
