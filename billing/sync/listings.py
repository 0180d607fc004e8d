"""How everything of one noun is asked for, page by page: for backfill and drift.

Stripe shows some things in full only one by one; a listing then asks for those by themselves.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnExpressionArgument, true

from billing.core import clock, db
from billing.core.mirror import Mirrored
from billing.domain.catalog import projection as catalog_projection
from billing.domain.catalog.models import Plan, Price
from billing.domain.credit_notes.models import CreditNote
from billing.domain.customers.models import Customer
from billing.domain.discounts.models import Coupon, PromotionCode
from billing.domain.disputes.models import Dispute, FraudWarning
from billing.domain.entitlements.models import ActiveEntitlements
from billing.domain.invoices.models import Invoice
from billing.domain.payment_methods.models import PaymentMethod
from billing.domain.payments.models import Payment
from billing.domain.refunds.models import Refund
from billing.domain.subscriptions.models import Schedule, Subscription
from billing.gateway import customers as customers_gateway
from billing.gateway import listings as gateway
from billing.gateway import payment_methods as payment_methods_gateway
from billing.gateway.errors import NoSuchObject
from billing.gateway.listings import Window
from billing.sync.money_nouns import paying_no_invoice
from billing.sync.noun import Answer, Ref
from billing.sync.nouns import NOUNS, RANK, known_of

_SHORT = 20


class Listed(NamedTuple):
    """A page: its objects and the ticket they were asked at, where the next begins, and when the oldest was created."""

    objects: list[dict[str, Any]]
    asked: int
    after: str | None
    oldest: int


@dataclass(frozen=True)
class Listing:
    """How a noun is listed: Stripe's list to go by, the answers each object of it gives, asked at a ticket, its table.

    `shows` are the rows whose objects Stripe goes on listing: not those it has deleted. Where each object takes a
    question of its own, a page is short, so that threads can share what there is to ask.
    """

    model: type[Mirrored]
    resource: str
    answer: Callable[[dict[str, Any], int], Iterable[Answer]]
    shows: ColumnExpressionArgument[bool]
    page_size: int = gateway.PAGE_SIZE

    def page(self, window: Window, after: str | None = None) -> Listed:
        """A page of what was created in `window`, the newest first."""
        asked = clock.ticket()
        objects, following = gateway.list_created(self.resource, window, after, limit=self.page_size)
        return Listed(objects, asked, following, objects[-1]["created"] if objects else window.start)

    def answers(self, page: Listed) -> list[Answer]:
        """What the objects of the page answer; what is not in the list is asked for now."""
        return [answer for one in page.objects for answer in self._answers(one, page.asked)]

    def _answers(self, data: dict[str, Any], asked: int) -> Iterable[Answer]:
        try:
            return self.answer(data, asked)
        except NoSuchObject:  # deleted since it was listed
            return ()

    def is_anything_in(self, window: Window) -> bool:
        """Whether anything was created in `window`."""
        return bool(gateway.list_created(self.resource, window, limit=1).objects)


def _as_listed(noun: str) -> Callable[[dict[str, Any], int], Iterable[Answer]]:
    return lambda data, asked: [Answer(Ref(noun, data["id"]), asked, data)]


def _customer(data: dict[str, Any], asked: int) -> list[Answer]:
    method = data["invoice_settings"]["default_payment_method"]
    if method:
        data["invoice_settings"]["default_payment_method"] = method["id"]
    answers = [Answer(Ref("customer", data["id"]), asked, customers_gateway.whole(data))]
    return [*answers, Answer(Ref("payment_method", method["id"]), asked, method)] if method else answers


def _methods_of_customer(data: dict[str, Any], _asked: int) -> list[Answer]:
    asked = clock.ticket()
    found = payment_methods_gateway.list_for_customer(data["id"])
    return [Answer(Ref("payment_method", method["id"]), asked, method) for method in found]


def _entitlements_of_customer(data: dict[str, Any], _asked: int) -> list[Answer]:
    """What the customer is entitled to; nothing where that is nothing, and no row here says otherwise."""
    ref = Ref("entitlements", data["id"])
    answers = NOUNS[ref.noun].ask(ref.stripe_id)
    return answers if answers[0].data["held"] or known_of(db.session(), [ref]) else []


def _of_charge(noun: str) -> Callable[[dict[str, Any], int], Iterable[Answer]]:
    """What is about a charge, which says whose it is."""

    def answer(data: dict[str, Any], asked: int) -> list[Answer]:
        charge = data["charge"]
        return [Answer(Ref(noun, data["id"]), asked, data | {"charge": charge["id"], "customer": charge["customer"]})]

    return answer


def _invoice(data: dict[str, Any], asked: int) -> list[Answer]:
    """The invoice; asked for by itself where the list leaves out lines, or what its discounts are called."""
    noun = NOUNS["invoice"]
    if data["lines"]["has_more"] or data["total_discount_amounts"]:
        return (noun.ask_alone or noun.ask)(data["id"])
    return [Answer(Ref("invoice", data["id"]), asked, data)]


def _product(data: dict[str, Any], _asked: int) -> list[Answer]:
    return NOUNS["product"].ask(data["id"]) if catalog_projection.names_a_plan(data) else []


def _price(data: dict[str, Any], _asked: int) -> list[Answer]:
    product = data["product"]
    is_ours = not product.get("deleted") and catalog_projection.names_a_plan(product)
    return NOUNS["price"].ask(data["id"]) if is_ours else []


def _payment_intent(data: dict[str, Any], asked: int) -> list[Answer]:
    return [paying_no_invoice(data, asked)]


LISTINGS = {
    "product": Listing(Plan, "products", _product, Plan.is_active),
    "price": Listing(Price, "prices", _price, true()),
    "coupon": Listing(Coupon, "coupons", _as_listed("coupon"), Coupon.is_deleted.is_(False)),
    "promotion_code": Listing(PromotionCode, "promotion_codes", _as_listed("promotion_code"), true()),
    "customer": Listing(Customer, "customers", _customer, Customer.is_deleted.is_(False)),
    "entitlements": Listing(ActiveEntitlements, "customers", _entitlements_of_customer, true(), _SHORT),
    "payment_method": Listing(
        PaymentMethod, "customers", _methods_of_customer, PaymentMethod.is_detached.is_(False), _SHORT
    ),
    "subscription": Listing(Subscription, "subscriptions", _as_listed("subscription"), true()),
    "subscription_schedule": Listing(Schedule, "subscription_schedules", _as_listed("subscription_schedule"), true()),
    "invoice": Listing(Invoice, "invoices", _invoice, true()),
    "invoice_payment": Listing(
        Payment, "invoice_payments", _as_listed("invoice_payment"), Payment.invoice_id.is_not(None)
    ),
    "payment_intent": Listing(Payment, "payment_intents", _payment_intent, Payment.invoice_id.is_(None)),
    "refund": Listing(Refund, "refunds", _as_listed("refund"), true()),
    "dispute": Listing(Dispute, "disputes", _of_charge("dispute"), true()),
    "fraud_warning": Listing(FraudWarning, "radar/early_fraud_warnings", _of_charge("fraud_warning"), true()),
    "credit_note": Listing(CreditNote, "credit_notes", _as_listed("credit_note"), true()),
}
"""By noun. Those without a table have none, nor have a meter's errors, which no list of Stripe's shows."""


def chosen(nouns: Iterable[str]) -> list[str]:
    """The nouns, or all that can be listed where none is named, in the order in which they lead to each other.

    What pays an invoice comes before payment intents, even if only those are named: nothing else tells which are alone.
    """
    named = set(nouns)
    if "payment_intent" in named:
        named.add("invoice_payment")
    return sorted(named or LISTINGS, key=lambda noun: RANK[noun])
