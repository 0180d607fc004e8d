"""`flask billing accounts …`: what an account's owner may ask an operator for."""

from pathlib import Path

import click
from flask.cli import AppGroup

from billing.cli.billing import billing
from billing.cli.output import refusing_in_words, say
from billing.core import db
from billing.core.errors import NotFound
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account
from billing.sync import account_data


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
@click.option("--out", required=True, type=click.Path(dir_okay=False, writable=True, path_type=Path), help="The file.")
@refusing_in_words
def export(key: str, out: Path) -> None:
    """Write everything kept of the account KEY (such as user:12) to a ZIP of JSON and CSV."""
    with db.edge():
        account_id = _find(key).id
    with out.open("wb") as file:
        for piece in account_data.zipped(account_id):
            file.write(piece)
    say(f"[bold]{out}[/] holds all there is of {key}: {out.stat().st_size:,} bytes.")
