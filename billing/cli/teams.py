"""`flask billing teams …`: who belongs to which team, and what its seats cost."""

from typing import Any

import click
from flask.cli import AppGroup
from rich.markup import escape
from sqlalchemy import select

from billing.cli.billing import billing
from billing.cli.output import refusing_in_words, say, say_json, say_table
from billing.core import db
from billing.core.errors import NotFound
from billing.domain.accounts import service as accounts
from billing.domain.accounts.models import Account
from billing.domain.teams import invitations, queries, seats
from billing.sync.seats import settle

_as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@billing.group("teams", cls=AppGroup)
def teams() -> None:
    """Teams: their members, and whether they pay for as many as they have."""


@teams.command("list")
@_as_json
def list_teams(as_json: bool) -> None:
    """Show every team with the number of its members and of the seats it pays for."""
    with db.edge() as session:
        found = session.scalars(select(Account).where(Account.kind == "team").order_by(Account.id)).all()
        rows = [_row(team) for team in found]
    if as_json:
        say_json(rows)
    elif not rows:
        say("There are no teams.")
    else:
        say_table(("Key", "Name", "Members", "Seats"), [[_shown(value) for value in row.values()] for row in rows])


@teams.command("show")
@click.argument("key")
@_as_json
@refusing_in_words
def show(key: str, as_json: bool) -> None:
    """Show who belongs to the team KEY (such as team:3f…) and who is invited."""
    with db.edge():
        team = _find(key)
        row = _row(team) | {
            "people": [
                {"email": held.person.email, "role": held.role, "since": held.since_at.isoformat()}
                for held in queries.members(team)
            ],
            "invited": [
                {"email": found.email, "role": found.role, "until": found.expires_at.isoformat()}
                for found in invitations.pending(team)
            ],
            "trouble": seats.trouble(team),
        }
    if as_json:
        say_json(row)
        return
    say(f"[bold]{escape(row['name'])}[/], members: {row['members']}, seats: {_shown(row['seats'])}")
    if row["trouble"]:
        say(f"[red]Setting the seats failed:[/] {escape(row['trouble'])}")
    people = [[held["email"], held["role"], f"since {held['since'][:10]}"] for held in row["people"]]
    people += [[found["email"], found["role"], f"invited until {found['until'][:10]}"] for found in row["invited"]]
    say_table(("Address", "Role", ""), people)


@teams.command("settle")
@click.argument("key")
@refusing_in_words
def settle_seats(key: str) -> None:
    """Set the seats of the team KEY at Stripe to the number of its members, where they follow that."""
    with db.edge():
        team_id = _find(key).id
        seats.mark(db.begin_write(), db.session().get_one(Account, team_id))
    settle(team_id)
    with db.edge() as session:
        team = session.get_one(Account, team_id)
        trouble, row = seats.trouble(team), _row(team)
    if trouble:
        raise click.ClickException(f"Setting the seats failed: {trouble}")
    say(f"{escape(row['name'])}: members: {row['members']}, seats: {_shown(row['seats'])}.")


def _find(key: str) -> Account:
    team = accounts.find(key)
    if team is None or team.kind != "team":
        raise NotFound(f"There is no team of the key {key}. `flask billing teams list` shows all.")
    return team


def _row(team: Account) -> dict[str, Any]:
    return {
        "key": team.key,
        "name": team.name,
        "members": queries.count_members(team),
        "seats": seats.bought(team),
    }


def _shown(value: Any) -> str:
    return "not sold by the seat" if value is None else str(value)
