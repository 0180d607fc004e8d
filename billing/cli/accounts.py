"""`flask billing accounts …`: what an account's owner may ask an operator for."""

from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from billing.cli.billing import as_json, billing
from billing.cli.output import opened, refusing_in_words, say, say_json
from billing.core import db
from billing.core.errors import Conflict, NotFound
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account
from billing.domain.closing import standing
from billing.sync import account_data, closing


@billing.group("accounts", cls=AppGroup)
def accounts_group() -> None:
    """Accounts: handing out what is kept of one, and deleting one."""


def _find(key: str) -> Account:
    account = accounts.find(key)
    if account is None:
        raise NotFound(f"There is no account of the key {key}. The page /admin has them all.")
    return account


@accounts_group.command("export")
@click.argument("key")
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file.")
@refusing_in_words
def export(key: str, output: Path) -> None:
    """Write everything kept of the account KEY (such as user:12) to a ZIP of JSON and CSV."""
    with db.edge():
        account_id = _find(key).id
    with opened(output, "wb") as file:
        for piece in account_data.zipped(account_id):
            file.write(piece)
    say(f"[bold]{output}[/] holds all there is of {key}: {output.stat().st_size:,} bytes.")


@accounts_group.command("delete")
@click.argument("key")
@click.option("--at-period-end", is_flag=True, help="Once what is paid for is over, rather than now.")
@click.option("--write-off", is_flag=True, help="Let go of what is unpaid.")
@click.option("--reason", default="", help="Why; kept in the audit trail.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what there is to be settled.")
@as_json
@refusing_in_words
def delete(
    key: str, *, at_period_end: bool, write_off: bool, reason: str, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Delete the account KEY: end what runs, delete its customer at Stripe, and here all that is personal."""
    with db.edge():
        account_id = _find(key).id
        told = _told(_find(key), write_off=write_off)
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json cannot ask: add --yes or --dry-run")
    if not as_json:
        say(f"Runs: {', '.join(told['running']) or 'nothing'}. Unpaid: {', '.join(told['unpaid']) or 'nothing'}.")
        if told["others"]:
            say(f"It is a team. Others who belong to it, and lose what it pays for: {told['others']}.")
        if told["leaves"]:
            say(f"Leaves the teams: {', '.join(told['leaves'])}.")
        if told["blocked"]:
            say(f"It cannot be deleted now. {told['blocked']}")
    if dry_run or not (yes or click.confirm(f"Delete {key} for good?")):
        if as_json:
            say_json(told | {"deleted": False, "due_at": None})
        return
    until = closing.request(account_id, at_once=not at_period_end, actor="command", reason=reason, writes_off=write_off)
    if as_json:
        say_json(told | {"deleted": until is None, "due_at": until})
    elif until is None:
        say(f"{key} is deleted. Its invoices and payments stay.")
    else:
        say(f"{key} is deleted on {until:%Y-%m-%d %H:%M} UTC, or as soon after as Stripe answers.")


def _told(account: Account, *, write_off: bool) -> dict[str, Any]:
    found = standing.of_account(account)
    blocked = ""
    try:
        standing.check(found, writes_off=write_off)
    except Conflict as refusal:
        blocked = refusal.message
    return {
        "key": account.key,
        "running": [row.stripe_id for row in found.running],
        "unpaid": [row.number or row.stripe_id for row in found.unpaid],
        "others": found.others,
        "leaves": [team.key for team in found.joined],
        "blocked": blocked,
    }
