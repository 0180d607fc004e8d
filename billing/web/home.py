"""The standalone portal's own pages: a landing page, and a small sample product with gated pages."""

from dataclasses import dataclass

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from billing.domain.accounts.models import Account
from billing.web import plans, visitor
from billing.web.blueprint import PageBlueprint, signed_in
from billing.web.gates import current_access, requires_feature, requires_subscription

home = PageBlueprint("home", __name__)


@dataclass(frozen=True)
class Item:
    """A page of the sample product, and what it needs."""

    title: str
    description: str
    url: str
    locked: bool
    needs: str


@home.get("/")
def index() -> ResponseReturnValue:
    """What this is, and the plans."""
    return render_template("home/index.html", **plans.for_pricing(visitor.account()))


@home.get("/app")
@signed_in
def app(_account: Account) -> ResponseReturnValue:
    """The sample product: what is open and what is locked."""
    granted = current_access()
    items = [
        Item(
            "Reports",
            "Revenue, customers and churn, one page a month.",
            url_for("home.reports"),
            locked=not granted.has_subscription,
            needs="Any paid plan",
        ),
        Item(
            "Exports",
            "Every number as CSV, on a schedule.",
            url_for("home.exports"),
            locked=not granted.has_feature("exports"),
            needs="Pro",
        ),
    ]
    return render_template("home/app.html", items=items)


@home.get("/app/reports")
@requires_subscription
def reports() -> ResponseReturnValue:
    """A page for everybody with a live subscription."""
    return render_template("home/reports.html")


@home.get("/app/exports")
@requires_feature("exports")
def exports() -> ResponseReturnValue:
    """A page for everybody whose plan has exports."""
    return render_template("home/exports.html")
