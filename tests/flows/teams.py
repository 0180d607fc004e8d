"""What people do with teams: make one, invite, join, and act for it."""

from billing.sync.upkeep import look
from tests.flows.steps import sign_up
from tests.support.pages import Browser, Page
from tests.support.portal import Portal


def make_team(visitor: Browser, name: str = "Analytical Engines") -> Page:
    """The page of the team somebody has just made, and acts for."""
    return visitor.get("/account/team").form("/account/teams").fill(name=name).submit()


def invite(owner: Browser, email: str, role: str = "member") -> Page:
    """What the team's page says once the owner has invited the address."""
    return owner.get("/account/team").form(button="Invite").fill(email=email, role=role).submit()


def link_for(owner: Browser, email: str) -> str:
    """The link the address was invited with."""
    [field] = owner.get("/account/team").tree.css(f'input[aria-label="Link for {email}"]')
    return str(field.attributes["value"])


def join(portal: Portal, owner: Browser, email: str, role: str = "member") -> Browser:
    """A new person, signed in, who has taken up an invitation to the owner's team."""
    invite(owner, email, role)
    visitor = sign_up(portal, email)
    page = visitor.get(link_for(owner, email)).form(button="Join").submit()
    assert page.path == "/account/team", page.text
    return visitor


def act_for(visitor: Browser, label: str) -> Page:
    """Where choosing that account in the menu leads."""
    page = visitor.get("/account/team")
    [choice] = [node for node in page.tree.css(".accounts button") if label in node.text()]
    fields = page.form("/account/act-for", button=label).fields | {"account": str(choice.attributes["value"])}
    return visitor.post("/account/act-for", fields, referer=page.url)


def remove(owner: Browser, email: str) -> Page:
    """What the owner sees once they have removed the member."""
    return owner.get("/account/team").form(button=f"Remove from team {email}").submit()


def upkeep(portal: Portal) -> None:
    """Do what is due besides deliveries."""
    with portal.app.app_context():
        look()
