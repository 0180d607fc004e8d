"""`flask billing subscriptions preview` and `change`: the same quotes as on the pages."""

from typing import Any

import click
from rich.markup import escape

from billing.cli.billing import as_json
from billing.cli.output import refusing_in_words, say, say_json, say_table
from billing.cli.subscriptions import subscriptions
from billing.core import db
from billing.core.errors import NotFound
from billing.domain.accounts.models import Account
from billing.domain.quotes import confirming, queries
from billing.domain.quotes.models import Quote
from billing.domain.quotes.service import Wanted
from billing.domain.subscriptions import queries as subscription_queries
from billing.sync import plan_changes

_ITEM = click.option("--item", help="Which part to change (si_…), where the subscription has several.")
_QUANTITY = click.option("--quantity", type=click.IntRange(1), default=1, show_default=True, help="How many.")
_PRICE = click.option("--price", "lookup_key", required=True, help="The lookup key of what it becomes.")


@subscriptions.command("preview")
@click.argument("stripe_id", metavar="SUBSCRIPTION")
@_PRICE
@_QUANTITY
@_ITEM
@as_json
@refusing_in_words
def preview(*, stripe_id: str, lookup_key: str, quantity: int, item: str | None, as_json: bool) -> None:
    """Show what changing SUBSCRIPTION (sub_…) costs, today and then; nothing is changed."""
    _, quote = _quote(stripe_id, Wanted(lookup_key, quantity, item))
    if as_json:
        say_json(_as_dict(quote))
    else:
        _say(quote)


@subscriptions.command("change")
@click.argument("stripe_id", metavar="SUBSCRIPTION")
@_PRICE
@_QUANTITY
@_ITEM
@click.option("--reason", required=True, help="Why: kept in the audit trail.")
@click.option("--yes", is_flag=True, help="Do not ask before changing it.")
@as_json
@refusing_in_words
def change(
    *, stripe_id: str, lookup_key: str, quantity: int, item: str | None, reason: str, yes: bool, as_json: bool
) -> None:
    """Change SUBSCRIPTION (sub_…), showing first what that costs. The customer's own card is charged."""
    if as_json and not yes:
        raise click.UsageError("--json cannot ask: add --yes.")
    account, quote = _quote(stripe_id, Wanted(lookup_key, quantity, item))
    if not as_json:
        _say(quote)
    if not yes and not click.confirm("Make this change?"):
        return
    plan_changes.confirm(account, quote.uid, confirming.token(quote), by_staff=reason)
    made = queries.find_own(account, quote.uid)
    if as_json:
        say_json(_as_dict(made))
    else:
        say(f"It came to: [bold]{made.outcome}[/]{f' ({escape(made.note)})' if made.note else ''}.")


def _quote(stripe_id: str, wanted: Wanted) -> tuple[Account, Quote]:
    with db.edge():
        row = subscription_queries.find_any(stripe_id)
        account = row.customer.account if row else None
        if account is None:
            raise NotFound(f"There is no account with a subscription {stripe_id}.")
        quote = plan_changes.quote(account, stripe_id, wanted)
    return account, quote


def _say(quote: Quote) -> None:
    if quote.prorated_at is not None:
        lines = [(line["description"] or "", quote.money(line["amount"]).format()) for line in quote.lines]
        sums = [(entry["name"].replace("_", " "), quote.money(entry["amount"]).format()) for entry in quote.sums]
        say_table(["What", "Amount"], [*lines, *sums, ("due today", quote.money(quote.due).format())])
    due = "" if quote.prorated_at is not None else "Nothing is due today. "
    when = "at once" if quote.takes_effect == "now" else f"on {quote.next_at:%Y-%m-%d}"
    say(f"{due}It is made {when}. Then {quote.money(quote.next_total).format()} on {quote.next_at:%Y-%m-%d}.")


def _as_dict(quote: Quote) -> dict[str, Any]:
    return {
        "quote": quote.uid,
        "subscription": quote.subscription,
        "was": quote.was,
        "items": quote.items,
        "takes_effect": quote.takes_effect,
        "currency": quote.currency,
        "lines": quote.lines,
        "sums": quote.sums,
        "total": quote.total,
        "due": quote.due,
        "next_total": quote.next_total,
        "next_at": quote.next_at.isoformat(),
        "outcome": quote.outcome,
        "note": quote.note,
        "invoice": quote.invoice,
        "schedule": quote.schedule,
    }
