"""Which of Stripe's accounts the local tables were filled from.

To another account's key all objects kept here look deleted: with it, a repair would shut everybody out. The account
is noted the first time the tables are brought in line with Stripe, and compared each time after that.
"""

from sqlalchemy import delete, select

from billing.core import audit, clock, db, settings
from billing.core.errors import Conflict
from billing.core.logging import get_logger
from billing.gateway import accounts
from billing.gateway.errors import StripeRefused
from billing.sync.records import BackfillWindow, StripeAccount, Tail

log = get_logger(__name__)

_TURN = "stripe_account"


class OtherAccount(Conflict):
    """The key is of another account than the one the local tables were filled from."""

    code = "other_stripe_account"

    def __init__(self, asked: str, known: str) -> None:
        super().__init__(
            f"The key is of Stripe's account {asked}, and the local tables were filled from {known}. Set a key of "
            f"{known}, or give {asked} a database of its own. If this deployment has moved to {asked} for good: "
            "`flask billing sync backfill --new-account`."
        )


def check() -> None:
    """See that the key is of the account that is known here; where none is yet, it becomes that.

    A restricted key that may not read its account is let through with a warning. Raises OtherAccount, and what Stripe
    raises where it does not answer.
    """
    try:
        asked = accounts.own_id()
    except StripeRefused as refusal:
        log.warning("stripe_account_unknown", error=refusal.message)
        return
    with db.edge():
        known = noted()
    known = known or _note_first(asked)
    if known != asked:
        raise OtherAccount(asked, known)


def noted() -> str | None:
    """The account that the tables of this mode were filled from; None before anybody looked."""
    row = _row()
    return row.stripe_id if row else None


def accept() -> None:
    """From now on the key's account is the right one; what was half done with the former is forgotten.

    Rows of the former stay until a repair finds that Stripe has them no more. Raises StripeRefused for a restricted key
    that may not read its account.
    """
    asked = accounts.own_id()
    with db.edge():
        session = db.take_turn(_TURN)
        row = _row()
        if row is None or row.stripe_id == asked:
            return
        audit.record(
            "stripe_account.accepted",
            "stripe account",
            actor="command",
            before={"account": row.stripe_id},
            after={"account": asked},
        )
        row.stripe_id, row.since_at = asked, clock.now()
        for model in (BackfillWindow, Tail):
            session.execute(delete(model).where(model.livemode == settings.current().livemode))
        session.flush()


def _note_first(asked: str) -> str:
    """The account known by now: this one, unless somebody else was first."""
    with db.edge():
        session = db.take_turn(_TURN)
        row = _row()
        if row is None:
            row = StripeAccount(livemode=settings.current().livemode, stripe_id=asked, since_at=clock.now())
            session.add(row)
            session.flush()
        return row.stripe_id


def _row() -> StripeAccount | None:
    return db.session().scalar(select(StripeAccount).where(StripeAccount.livemode == settings.current().livemode))
