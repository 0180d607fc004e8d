"""The standalone portal's own pages: a landing page, and a small sample product with gated pages."""

from dataclasses import dataclass

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from billing.core.i18n import N_
from billing.core.i18n import gettext as _
from billing.core.money import Money
from billing.web import plans, visitor
from billing.web.blueprint import PageBlueprint, open_to_members
from billing.web.gates import current_access, requires_feature, requires_subscription
from billing.web.visitor import Visit

home = PageBlueprint("home", __name__)


@dataclass(frozen=True)
class Item:
    """A page of the sample product, and what it needs."""

    title: str
    description: str
    url: str
    action: str
    locked: bool
    needs: str


@dataclass(frozen=True)
class Month:
    """What the sample shop sold in a month."""

    name: str
    revenue: Money
    orders: int

    @property
    def average(self) -> Money:
        return Money(round(self.revenue.amount / self.orders), self.revenue.currency)


_SOLD = {
    N_("June"): (18400, 212),
    N_("July"): (19750, 228),
    N_("August"): (17900, 205),
    N_("September"): (22300, 251),
    N_("October"): (24850, 274),
    N_("November"): (27200, 301),
}


@home.get("/")
def index() -> ResponseReturnValue:
    """What this is, and the plans."""
    return render_template("home/index.html", **plans.for_pricing(visitor.account()))


@home.get("/app")
@open_to_members
def app(_visit: Visit) -> ResponseReturnValue:
    """The sample product: what is open and what is locked."""
    granted = current_access()
    has_reports, has_exports = granted.has_subscription, granted.has_feature("exports")
    items = [
        Item(
            _("Reports"),
            _("Revenue, customers and churn, one page a month."),
            url_for("home.reports"),
            _("Open reports") if has_reports else _("Unlock reports"),
            locked=not has_reports,
            needs=_("Any paid plan"),
        ),
        Item(
            _("Exports"),
            _("Every number as CSV, on a schedule."),
            url_for("home.exports"),
            _("Open exports") if has_exports else _("Unlock exports"),
            locked=not has_exports,
            needs="Pro",
        ),
    ]
    return render_template("home/app.html", items=items)


@home.get("/app/reports")
@requires_subscription
def reports() -> ResponseReturnValue:
    """A page for everybody with a live subscription."""
    months = [Month(_(name), Money(revenue * 100, "usd"), orders) for name, (revenue, orders) in _SOLD.items()]
    return render_template("home/reports.html", months=months)


@home.get("/app/exports")
@requires_feature("exports")
def exports() -> ResponseReturnValue:
    """A page for everybody whose plan has exports."""
    return render_template("home/exports.html")
