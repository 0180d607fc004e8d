"""`flask billing doctor`: is everything between here and Stripe as it should be?"""

import sys
from dataclasses import asdict

from flask import current_app
from rich.markup import escape

from billing.cli.billing import as_json, billing
from billing.cli.output import refusing_in_words, say, say_aligned, say_json
from billing.core import settings
from billing.sync import doctor
from billing.sync.doctor import Finding, Level

_SIGNS: dict[Level, str] = {"fine": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}
EXIT_CODES: dict[Level, int] = {"fine": 0, "warning": 1, "error": 2}


@billing.command("doctor")
@as_json
@refusing_in_words
def doctor_command(*, as_json: bool) -> None:
    """Look at keys, endpoint, deliveries, portal, catalog, clock, inbox and database, and say what to do.

    Exits with 0 when all is fine, 1 with warnings, 2 with errors.
    """
    path = current_app.url_map.bind("localhost").build("billing_webhooks.receive")
    sys.exit(EXIT_CODES[say_findings(doctor.examine(settings.current().base_url + path), as_json=as_json)])


def say_findings(found: list[Finding], *, as_json: bool) -> Level:
    """Say what was found; the worst level among it."""
    worst = max((one.level for one in found), key=lambda level: EXIT_CODES[level])
    if as_json:
        say_json({"level": worst, "findings": [asdict(one) for one in found]})
    else:
        _say(found)
    return worst


def _say(found: list[Finding]) -> None:
    say_aligned(
        [
            (
                _SIGNS[one.level],
                f"[bold]{one.about}[/]",
                escape(one.words) + (f"\n[dim]→ {escape(one.fix)}[/]" if one.fix else ""),
            )
            for one in found
        ]
    )
    counts = {level: sum(one.level == level for one in found) for level in EXIT_CODES}
    if counts["warning"] or counts["error"]:
        say(f"\n{_number(counts['error'], 'error')}, {_number(counts['warning'], 'warning')}.")
    else:
        say("\n[green]All is well.[/]")


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
