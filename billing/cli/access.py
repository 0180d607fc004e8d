"""`flask billing why`, `… grants`, `… policy`: who may use what, and what staff can do about it."""

from datetime import UTC, datetime, time, timedelta
from itertools import islice
from typing import Any

import click
from flask.cli import AppGroup
from rich.markup import escape

from billing.cli.billing import as_json, billing
from billing.cli.output import refusing_in_words, say, say_json, say_table
from billing.core import clock, db
from billing.domain.access import grants, noticing, policy_rows, simulation
from billing.domain.access import why as reasons
from billing.domain.access.grants import Terms
from billing.domain.access.models import Grant
from billing.domain.access.policy import STATUSES, Found, Key, Policy, read_rule
from billing.domain.access.why import Step
from billing.domain.catalog import queries as catalog
from billing.domain.customers import queries as customers

_AUTHOR = "command"

_by = click.option("--by", default=_AUTHOR, show_default=True, help="Who does it, for the audit trail.")
_reason = click.option("--reason", required=True, help="Why, for the audit trail.")


@billing.command("why")
@click.argument("account")
@click.argument("feature", default="")
@as_json
@refusing_in_words
def why_command(account: str, feature: str, *, as_json: bool) -> None:
    """Say why ACCOUNT has access, or has it not: to the FEATURE, limit or allowance, where one is named.

    ACCOUNT is a key, id, e-mail address or Stripe customer.
    """
    with db.edge():
        owner = customers.find_account(account)
        found = reasons.why(owner, feature)
        if as_json:
            say_json({"account": owner.key, "uid": owner.uid, **found.to_json()})
            return
        sign = "[green]✓[/]" if found.granted else "[red]✗[/]"
        asked = f" · {escape(feature)}" if feature else ""
        say(f"{sign} [bold]{escape(owner.key)}[/]{asked}  {escape(found.words)}  [dim]{found.code}[/]")
        for step in found.steps:
            _say_step(step)


def _say_step(step: Step) -> None:
    sign = "[green]✓[/]" if step.grants else "[dim]–[/]"
    name = f"{step.kind.replace('_', ' ')} {step.id}"
    plan = f"  plan {step.plan}" if step.plan and step.plan != step.id else ""
    say(f"\n  {sign} [bold]{escape(name)}[/]{escape(plan)}  [dim]{step.code}[/]")
    say(f"      {escape(f'{step.words} {step.advice}'.strip())}")
    for name, value in step.read.items():
        say(f"      {name.replace('_', ' ')}: {escape(_plain(value))}")
    if step.rule:
        say(f"      rule: {_rule_in_words(step.rule)}")


def _rule_in_words(rule: dict[str, Any]) -> str:
    said = "grants" if rule["grants"] else "does not grant"
    days = f" for {rule['days']} days" if rule["days"] is not None else ""
    about = ", ".join(f"{name} {value}" for name, value in (rule["about"] or {}).items() if value)
    return f"{said}{days} ({escape(about) or 'the default'})"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, dict):
        return ", ".join(f"{key} {number}" for key, number in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@billing.group("grants", cls=AppGroup)
def grants_group() -> None:
    """Access that staff give without a subscription."""


@grants_group.command("give")
@click.argument("account")
@click.option("--plan", default="", help="The key of a plan.")
@click.option("--feature", "features", multiple=True, help="The key of a feature; several times for several.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=NUMBER", help="Such as projects=20 or seats=5.")
@click.option("--from", "starts_on", type=click.DateTime(["%Y-%m-%d"]), help="The first day (UTC). [default: now]")
@click.option("--until", "last_day", type=click.DateTime(["%Y-%m-%d"]), help="The last day (UTC). [default: no end]")
@_reason
@_by
@as_json
@refusing_in_words
def give(
    account: str,
    *,
    plan: str,
    features: tuple[str, ...],
    limits: tuple[str, ...],
    starts_on: datetime | None,
    last_day: datetime | None,
    reason: str,
    by: str,
    as_json: bool,
) -> None:
    """Grant ACCOUNT a plan, features, limits. It counts at once, and ends by itself after the last day."""
    terms = Terms(plan, features, grants.read_limits(",".join(limits)), _begin(starts_on), _begin(last_day, days=1))
    with db.edge():
        made = grants.give(customers.find_account(account), terms, reason=reason, author=by)
        said = _as_dict(made)
    if as_json:
        say_json(said)
    else:
        end = f" until {_plain(said['expires_at'])}" if said["expires_at"] else ""
        say(f"Grant [bold]{said['id']}[/] is given{end}.")


def _begin(day: datetime | None, *, days: int = 0) -> datetime | None:
    return datetime.combine(day.date() + timedelta(days=days), time.min, tzinfo=UTC) if day else None


@grants_group.command("list")
@click.argument("account", default="")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@as_json
@refusing_in_words
def list_grants(account: str, *, limit: int, as_json: bool) -> None:
    """List the grants, newest first: ACCOUNT's, or everybody's."""
    with db.edge():
        found = (
            grants.of_account(customers.find_account(account))[:limit]
            if account
            else grants.page(None, size=limit).rows
        )
        rows = [_as_dict(grant) for grant in found]
    if as_json:
        say_json(rows)
    elif rows:
        columns = ["Grant", "Account", "State", "What", "Until", "By", "Why"]
        say_table(columns, [_cells(row) for row in rows])
    else:
        say("Nothing was granted.")


def _cells(row: dict[str, Any]) -> list[str]:
    end = _day(row["expires_at"])
    return [str(row["id"]), row["account"], row["state"], _what(row), end, row["author"], row["reason"]]


def _what(row: dict[str, Any]) -> str:
    parts = [f"plan {row['plan']}"] if row["plan"] else []
    return ", ".join(parts + row["features"] + [f"{key} {number}" for key, number in row["limits"].items()])


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "–"


def _as_dict(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "account": grant.account.key,
        "state": grants.state_of(grant, clock.now()),
        "plan": grant.plan or None,
        "features": list(grant.features),
        "limits": dict(grant.limits),
        "starts_at": grant.starts_at,
        "expires_at": grant.expires_at,
        "reason": grant.reason,
        "author": grant.author,
    }


@grants_group.command("revoke")
@click.argument("grant", type=click.IntRange(1, 2**63 - 1))
@_reason
@_by
@as_json
@refusing_in_words
def revoke(grant: int, *, reason: str, by: str, as_json: bool) -> None:
    """End GRANT (its number) now."""
    with db.edge():
        said = _as_dict(grants.revoke(grant, reason=reason, author=by))
    if as_json:
        say_json(said)
    else:
        say(f"Grant [bold]{grant}[/] of {escape(said['account'])} is revoked.")


@billing.group("policy", cls=AppGroup)
def policy_group() -> None:
    """What each status of a subscription grants, and for how long."""


@policy_group.command("show")
@as_json
@refusing_in_words
def show(*, as_json: bool) -> None:
    """Show the policy: what goes for every plan, and the exceptions."""
    with db.edge():
        policy = policy_rows.current()[1]
    if as_json:
        say_json({
            "statuses": {status: policy.find("", status).to_json() for status in STATUSES},
            "rules": [key._asdict() | {"grants": rule.grants, "days": rule.days} for key, rule in policy.rules.items()],
        })  # fmt: skip
        return
    say_table(
        ["Status", "Grants", ""],
        [(status, _grants(policy.find("", status)), _origin(policy.find("", status))) for status in STATUSES],
    )
    exceptions = sorted((key, rule) for key, rule in policy.rules.items() if key.plan or key.feature)
    if exceptions:
        say("")
        say_table(
            ["Plan", "Status", "Feature", "Grants"],
            [
                (key.plan or "every plan", key.status, key.feature or "every feature", rule.in_words())
                for key, rule in exceptions
            ],
        )


def _grants(found: Found) -> str:
    rule = found.rule
    if rule.days is None:
        return rule.in_words()
    return "for 1 day" if rule.days == 1 else f"for {rule.days} days"


def _origin(found: Found) -> str:
    return "" if found.key else "default"


def _one_rule(command: Any) -> Any:
    """The arguments that name a rule."""
    for decorate in (
        click.option("--feature", default="", help="Only this feature, limit or allowance. [default: every one]"),
        click.option("--plan", default="", help="Only this plan. [default: every one]"),
        click.argument("rule", metavar="yes|no|DAYS|default"),
        click.argument("status", type=click.Choice(STATUSES), metavar="STATUS"),
    ):
        command = decorate(command)
    return command


def _drafted(policy: Policy, status: str, rule: str, plan: str, feature: str) -> Policy:
    catalog.check_keys(plan, feature)
    return policy.changed(Key(plan, status, feature), read_rule(rule))


@policy_group.command("simulate")
@_one_rule
@click.option("--limit", default=100, show_default=True, type=click.IntRange(0), help="List at most so many accounts.")
@as_json
@refusing_in_words
def simulate(status: str, rule: str, *, plan: str, feature: str, limit: int, as_json: bool) -> None:
    """Show who would gain or lose access today with another rule for STATUS, changing nothing."""
    with db.edge():
        draft = _drafted(policy_rows.current()[1], status, rule, plan, feature)
        effects = simulation.simulate(draft)
        listed = [
            {"account": one.account.key, "email": one.account.email, "gains": one.gains, "loses": one.loses}
            for one in islice(effects, limit)
        ]
        counts = {
            "gain": sum(1 for one in listed if one["gains"]),
            "lose": sum(1 for one in listed if one["loses"]),
        }
        for one in effects:
            counts["gain"] += bool(one.gains)
            counts["lose"] += bool(one.loses)
    if as_json:
        say_json({**counts, "accounts": listed})
        return
    say(f"[bold]{counts['gain']:,}[/] would gain, [bold]{counts['lose']:,}[/] would lose something today.")
    if listed:
        say_table(
            ["Account", "Gains", "Loses"],
            [(str(one["account"]), ", ".join(one["gains"]), ", ".join(one["loses"])) for one in listed],
        )


@policy_group.command("set")
@_one_rule
@click.option("--reason", default="", help="Why, for the audit trail.")
@_by
@as_json
@refusing_in_words
def set_rule(status: str, rule: str, *, plan: str, feature: str, reason: str, by: str, as_json: bool) -> None:
    """Set the rule for STATUS: yes, no, a number of DAYS from its beginning, or back to the default."""
    with db.edge():
        db.begin_write()
        seen = policy_rows.current()[1]
        draft = _drafted(seen, status, rule, plan, feature)
        policy_rows.save(draft, seen=policy_rows.fingerprint(seen), actor=by, reason=reason)
        found = draft.find(plan, status, feature)
    noticed = noticing.notice_due()
    if as_json:
        say_json({"rule": found.to_json(), "looked_at": noticed})
    else:
        about = ", ".join(filter(None, (status, plan and f"plan {plan}", feature and f"feature {feature}")))
        say(f"{escape(about)}: {_grants(found)}{' (the default)' if not found.key else ''}.")
