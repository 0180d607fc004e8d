"""Changing a plan, from the quote to what became of it: Stripe is asked, then everything it touched is written."""

from typing import Any

from billing.core import audit, db
from billing.core.errors import NotFound, Refusal, Unavailable
from billing.core.i18n import gettext as _
from billing.domain.accounts.models import Account
from billing.domain.quotes import confirming, queries, service
from billing.domain.quotes.confirming import Made
from billing.domain.quotes.models import Quote
from billing.domain.quotes.service import Wanted
from billing.domain.subscriptions import queries as subscriptions
from billing.gateway.errors import NoSuchObject
from billing.sync import refresh
from billing.sync.noun import Answer
from billing.sync.nouns import Ref


def quote(account: Account, subscription: str, wanted: Wanted) -> Quote:
    """What the change costs, kept. Within an edge. Raises NotFound, NotChangeable, and Invalid for a wrong choice."""
    held, answers = _ask(account, subscription)
    drafted = service.draft(account, held, wanted)
    refresh.write(answers)
    return service.keep(drafted)


def confirm(account: Account, uid: str, token: str, *, by_staff: str | None = None) -> None:
    """Make the change, unless that is done already; three edges: it is claimed, made, and written down.

    `by_staff` is why staff make it, where they do: that is kept in the audit trail. Raises NotFound, Busy, Moved where
    it has to be quoted anew, and NotChangeable.
    """
    with db.edge():
        if not confirming.claim(account, uid, token):
            return
    try:
        with db.edge():
            claimed = queries.find_own(account, uid)
            held, _answers = _ask(account, claimed.subscription)
            _take_in(claimed, confirming.make(account, claimed, held))
            if by_staff is not None:
                what = {"subscription": claimed.subscription, "quote": claimed.uid}
                was, is_now = {**what, "items": claimed.was}, {**what, "items": claimed.items}
                audit.record("plan.changed", account.uid, actor="command", before=was, after=is_now, reason=by_staff)
    except Unavailable:
        with db.edge():
            confirming.let_go(queries.find_own(account, uid))
        raise
    except Refusal as refusal:
        with db.edge():
            confirming.give_up(queries.find_own(account, uid), refusal)
        raise


def look_again(waiting: Quote) -> None:
    """Ask what has come of a change that waits for its payment; what is new is taken in. Within an edge."""
    if waiting.outcome == "waiting" and waiting.invoice:
        made = confirming.look(waiting.invoice)
        if made.outcome != "waiting":
            _take_in(waiting, made)


def withdraw(waiting: Quote) -> None:
    """Give up a change that waits for its payment; nothing to do where it does not. Within an edge."""
    if waiting.outcome == "waiting" and waiting.invoice:
        _take_in(waiting, confirming.withdraw(waiting.invoice))


def undo(account: Account, subscription: str) -> None:
    """Let the planned change not happen. Within an edge. Raises NotFound, and Conflict where nothing is planned."""
    held, _answers = _ask(account, subscription)
    schedule = confirming.undo(held)
    answers = refresh.ask(Ref("subscription", subscription), Ref("subscription_schedule", schedule))
    refresh.write(answers)
    planned = queries.of_schedule(schedule)
    if planned is not None:
        confirming.settle(planned, Made("undone"))


def _take_in(changed: Quote, made: Made) -> None:
    """Write what the change touched at Stripe, and what came of it."""
    refs = [Ref("subscription", changed.subscription)]
    if made.invoice:
        refs.append(Ref("invoice", made.invoice))
    if made.schedule:
        refs.append(Ref("subscription_schedule", made.schedule))
    answers = refresh.ask(*refs)
    customer = next(answer.ref for answer in answers if answer.ref.noun == "customer")
    answers = refresh.ask(Ref("entitlements", customer.stripe_id), known=answers)
    refresh.write(answers)
    confirming.settle(changed, made)


def _ask(account: Account, subscription: str) -> tuple[dict[str, Any], list[Answer]]:
    """The account's subscription as Stripe has it now, and all that came with it."""
    missing = NotFound(_("You have no such subscription."))
    if subscriptions.find(account, subscription) is None:
        raise missing
    try:
        answers = refresh.ask(Ref("subscription", subscription))
    except NoSuchObject:
        raise missing from None
    return next(answer.data for answer in answers if answer.ref.noun == "subscription"), answers
