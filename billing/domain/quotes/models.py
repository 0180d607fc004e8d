"""The table of quotes."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.core.db import Base
from billing.core.money import Money
from billing.domain.accounts.models import Account

LIFETIME = timedelta(minutes=15)


class Quote(Base):
    """What a change of one item of a subscription costs, as it was shown, and what became of it. Kept for support.

    `items` are what Stripe was asked to make of the subscription: {"id", "price", "quantity"}; `was` is what it had
    been. `prorated_at` is Stripe's proration date, None where nothing is prorated. `total` is what the change's
    invoice is over, `due` what of it is to be paid today once the customer's balance is counted; `next_total` is what
    a whole period costs from `next_at` on. All are minor units of `currency`, tax and discounts included.

    `outcome` is None until it is confirmed, and then changed, planned, waiting (for its payment), declined, withdrawn,
    moved (the subscription was another one by then) or refused; a planned one may become undone. `note` says why: in
    words, or by the bank's code where it was declined. `invoice` and `schedule` are the Stripe ids of what came of it.
    """

    __tablename__ = "billing_quotes"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("billing_accounts.id"), index=True)
    subscription: Mapped[str] = mapped_column(String(255), index=True)
    lookup_key: Mapped[str] = mapped_column(String(200))
    takes_effect: Mapped[str] = mapped_column(String(20))  # now or period_end, as rules.takes_effect decides
    items: Mapped[list[dict[str, Any]]]
    was: Mapped[list[dict[str, Any]]]
    prorated_at: Mapped[datetime | None]
    currency: Mapped[str] = mapped_column(String(3))
    total: Mapped[int]
    due: Mapped[int]
    next_total: Mapped[int]
    next_at: Mapped[datetime]
    lines: Mapped[list[dict[str, Any]]]  # of today's invoice: {"description", "amount"}
    sums: Mapped[list[dict[str, Any]]]  # and what is added to them: {"name", "amount"}
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]  # somebody is making the change; who died doing so is waited for no longer
    confirmed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(500))
    invoice: Mapped[str | None] = mapped_column(String(255))
    schedule: Mapped[str | None] = mapped_column(String(255), index=True)

    account: Mapped[Account] = relationship()

    def money(self, amount: int) -> Money:
        """So many minor units of its currency."""
        return Money(amount, self.currency)
