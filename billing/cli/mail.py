"""`flask billing mail …`: what mails look like, and sending those that wait."""

import click
from flask.cli import AppGroup
from rich.markup import escape

from billing.cli.billing import as_json, billing
from billing.cli.output import refusing_in_words, say, say_json
from billing.core import i18n
from billing.notifications import letters, post, samples, watch
from billing.notifications.happenings import KINDS


@billing.group("mail", cls=AppGroup)
def mail() -> None:
    """Mails to the people of accounts."""


@mail.command("preview")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option(
    "--locale", type=click.Choice(list(i18n.LANGUAGES)), default="en", show_default=True, help="Its language."
)
@as_json
@refusing_in_words
def preview(kind: str, *, locale: str, as_json: bool) -> None:
    """Show a kind of mail with made-up data; --json has its HTML too."""
    letter = letters.compose(samples.sample(kind), "ada@example.com", locale)
    if as_json:
        say_json({"kind": kind, "subject": letter.subject, "text": letter.text, "html": letter.html})
    else:
        say(f"[bold]{escape(letter.subject)}[/]\n\n{escape(letter.text.rstrip())}")


@mail.command("send")
@as_json
@refusing_in_words
def send(*, as_json: bool) -> None:
    """Write what time has brought, and try what waits; `flask billing work` does both by itself."""
    watch.look()
    tried = post.send_due()
    if as_json:
        say_json({"tried": tried})
    else:
        say(f"{tried} {'mail' if tried == 1 else 'mails'} tried." if tried else "No mail is waiting.")
