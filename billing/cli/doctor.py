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
_EXIT_CODES: dict[Level, int] = {"fine": 0, "warning": 1, "error": 2}


@billing.command("doctor")
@as_json
@refusing_in_words
def doctor_command(*, as_json: bool) -> None:
    """Look at keys, endpoint, deliveries, portal, catalog, clock, inbox and database, and say what to do.

    Exits with 0 when all is fine, 1 with warnings, 2 with errors.
    """
    path = current_app.url_map.bind("localhost").build("billing_webhooks.receive")
    found = doctor.examine(settings.current().base_url + path)
    worst = max((one.level for one in found), key=lambda level: _EXIT_CODES[level])
    if as_json:
        say_json({"level": worst, "findings": [asdict(one) for one in found]})
    else:
        _say(found)
    sys.exit(_EXIT_CODES[worst])


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
    counts = {level: sum(one.level == level for one in found) for level in _EXIT_CODES}
    if counts["warning"] or counts["error"]:
        say(f"\n{_number(counts['error'], 'error')}, {_number(counts['warning'], 'warning')}.")
    else:
        say("\n[green]All is well.[/]")


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
