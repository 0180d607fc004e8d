"""Guards that ask the running app: which doors are open to strangers, which commands it has."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from werkzeug.routing import Rule

from tests.architecture.papers import undocumented_commands
from tests.architecture.tree import PROJECT
from tests.flows.steps import sign_up
from tests.flows.teams import join, make_team
from tests.support.pages import Browser

if TYPE_CHECKING:
    from tests.support.portal import Portal

PUBLIC = {
    "/": "the landing page",
    "/pricing": "what is sold",
    "/checkout": "what one is about to buy, kept across signing in; buying it is not open",
    "/healthz": "whether the process answers; says nothing else",
    "/readyz": "whether it may be sent visitors; two words about the database",
    "/health/stripe": "how the exchange with Stripe goes: counts and ages, nobody's name",
    "/metrics": "told from others by METRICS_TOKEN, without which there is no such page",
    "/webhooks/stripe": "Stripe's events, told from others by their signature",
    "/login": "sign in",
    "/logout": "sign out, which changes nothing for strangers",
    "/register": "sign up",
    "/reset": "ask for a new password",
    "/reset/<token>": "set it, with the token from the mail",
    "/account/deleted": "that an account is gone, to whoever it was; names nobody",
    "/billing/language": "the language of the pages, which strangers choose too",
    "/billing/static/<path:filename>": "styles and images",
    "/fs-static/<path:filename>": "Flask-Security's script for passkeys",
}
"""The only doors open to strangers, each with its reason; behind any other they are asked to sign in."""


def test_every_route_is_gated_or_listed_public(sqlite_portal: "Portal") -> None:
    rules = list(sqlite_portal.app.url_map.iter_rules())
    assert [rule for rule in PUBLIC if rule not in {known.rule for known in rules}] == []
    open_doors = [
        f"{method} {rule.rule}"
        for rule in rules
        if rule.rule not in PUBLIC
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if not _is_turned_away(sqlite_portal.browser(), method, rule)
    ]
    assert open_doors == []


OPEN_TO_MEMBERS = {
    "/account/team": "who else is in the team",
    "/account/act-for": "choose whom to act for",
    "/account/teams": "make a team of one's own",
    "/account/teams/<uid>/name": "for owners, who are looked up by the team in the address",
    "/account/teams/<uid>/invitations": "the same",
    "/account/teams/<uid>/invitations/<invitation>/resend": "the same",
    "/account/teams/<uid>/invitations/<invitation>/revoke": "the same",
    "/account/teams/<uid>/members/<person>/role": "the same",
    "/account/teams/<uid>/members/<person>/remove": "the same, and everybody may leave",
    "/account/invitations/<token>": "join a team",
}
"""What somebody may do who belongs to a team without managing its billing; every other page of ours refuses them."""


def test_every_page_is_closed_to_mere_members_or_listed(sqlite_portal: "Portal") -> None:
    owner = sign_up(sqlite_portal, "ada@example.com")
    make_team(owner)
    member = join(sqlite_portal, owner, "mate@example.com")
    rules = [rule for rule in sqlite_portal.app.url_map.iter_rules() if rule.endpoint.startswith("billing.")]
    assert [rule for rule in OPEN_TO_MEMBERS if rule not in {known.rule for known in rules}] == []
    open_pages = [
        f"{method} {rule.rule}"
        for rule in rules
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.rule not in OPEN_TO_MEMBERS and (rule.rule not in PUBLIC or rule.endpoint == "billing.checkout")
        if not _is_refused(member, method, rule)
    ]
    assert open_pages == []


def _is_refused(member: Browser, method: str, rule: Rule) -> bool:
    """Told that this is for owners and billing managers."""
    built = rule.build(dict.fromkeys(rule.arguments, "1"))
    assert built, rule
    fields = member.get("/account/team").form("/logout").fields if method != "GET" else None
    headers = {"Accept": "application/json"}
    answer = member.client.open(built[1], method=method, base_url=member.base_url, data=fields, headers=headers)
    return answer.status_code == 403 and "not_billing_manager" in answer.text


def test_every_command_is_explained(sqlite_portal: "Portal") -> None:
    docs = [path.read_text() for path in (PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md")))]
    assert list(undocumented_commands(_commands(sqlite_portal.app.cli), docs)) == []


def _is_turned_away(stranger: Browser, method: str, rule: Rule) -> bool:
    """Asked to sign in: a redirect to the sign-in page, or a plain 401 or 403."""
    built = rule.build(dict.fromkeys(rule.arguments, "1"))
    assert built, rule
    token = stranger.get("/login").form("/login").fields["csrf_token"]
    fields = {"csrf_token": token} if method != "GET" else None
    answer = stranger.client.open(built[1], method=method, base_url=stranger.base_url, data=fields)
    sent_to = urlsplit(answer.headers.get("Location", "")).path
    return answer.status_code in {401, 403} or (answer.status_code in {302, 303} and sent_to == "/login")


def _commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Our own commands, as typed after `flask`; those of libraries explain themselves."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))
        elif command.callback and command.callback.__module__.partition(".")[0] in {"app", "billing"}:
            yield " ".join((*words, name))
