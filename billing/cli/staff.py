"""`flask staff …`: who of the standalone portal's people may see everybody's billing."""

from typing import cast

import click
from flask.cli import AppGroup
from sqlalchemy import select

from billing.cli.output import refusing_in_words, say, say_json, say_table
from billing.core.errors import NotFound
from billing.web.identity.models import STAFF, Role, User, db
from billing.web.identity.security import datastore

staff = AppGroup("staff", help="Who may see everybody's billing.")


@staff.command("list")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@refusing_in_words
def list_staff(*, as_json: bool) -> None:
    """List the staff."""
    found = db.session.scalars(select(User).where(User.roles.any(Role.name == STAFF)).order_by(User.email)).all()
    if as_json:
        say_json([{"email": user.email, "two_factor": bool(user.tf_primary_method)} for user in found])
    elif found:
        say_table(["E-mail", "Second factor"], [(u.email, "yes" if u.tf_primary_method else "no") for u in found])
    else:
        say("Nobody is staff.")


@staff.command("add")
@click.argument("email")
@refusing_in_words
def add(email: str) -> None:
    """Make the person who signs in with EMAIL staff."""
    store = datastore()
    store.find_or_create_role(name=STAFF)
    store.add_role_to_user(_find(email), STAFF)
    db.session.commit()
    say(f"{email} is staff now.")


@staff.command("remove")
@click.argument("email")
@refusing_in_words
def remove(email: str) -> None:
    """Let the person who signs in with EMAIL be staff no longer."""
    datastore().remove_role_from_user(_find(email), STAFF)
    db.session.commit()
    say(f"{email} is not staff any more.")


def _find(email: str) -> User:
    user = cast(User | None, datastore().find_user(email=email, case_insensitive=True))
    if user is None:
        raise NotFound(f"Nobody signs in with {email}. They must register first.")
    return user
