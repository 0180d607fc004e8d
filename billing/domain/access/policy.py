"""The access policy on values alone: what each status of a subscription grants, and for how long.

A rule is about a plan ("": every plan), a status of Stripe's, and a feature ("": every feature). Of the rules that fit,
the most specific decides: one about the feature comes before one about the plan, which comes before the general one.
Where none fits, the defaults here do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from billing.core.errors import Invalid

STATUSES = ("active", "trialing", "past_due", "unpaid", "paused", "canceled", "incomplete", "incomplete_expired")
"""The statuses there can be rules about; a status that is none of these grants nothing, whatever a rule says."""

OPEN_STATUSES = ("active", "trialing")
"""Those that have no beginning from which days could be counted: they grant or they do not."""

MOST_DAYS = 3650


class Key(NamedTuple):
    """What a rule is about."""

    plan: str
    status: str
    feature: str


@dataclass(frozen=True)
class Rule:
    """Whether it grants, and for how many days from the status' beginning (None: for as long as it lasts)."""

    grants: bool
    days: int | None = None

    def in_words(self) -> str:
        """As staff write it: "yes", "no", "14d"."""
        if self.grants and self.days is not None:
            return f"{self.days}d"
        return "yes" if self.grants else "no"


@dataclass(frozen=True)
class Found:
    """The rule that decides, and what it was written about; `key` is None for a default."""

    rule: Rule
    key: Key | None

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        about = self.key._asdict() if self.key else None
        return {"about": about, "grants": self.rule.grants, "days": self.rule.days}


@dataclass(frozen=True)
class Policy:
    """All rules. `grace_days` is how long a failed payment is forgiven where no rule says otherwise."""

    grace_days: int
    rules: Mapping[Key, Rule] = field(default_factory=dict)

    def find(self, plan: str, status: str, feature: str = "") -> Found:
        """The rule that decides about the feature ("": in general) of the plan in that status."""
        for key in _from_specific_to_general(plan, status, feature) if self.rules else ():
            if rule := self.rules.get(key):
                return Found(rule, key)
        return Found(self.default(status), None)

    def default(self, status: str) -> Rule:
        """What goes for the status where no rule fits."""
        if status == "past_due":
            return Rule(grants=True, days=self.grace_days)
        return Rule(grants=status in OPEN_STATUSES)

    @cached_property
    def features(self) -> frozenset[str]:
        """The features that any rule is about."""
        return frozenset(key.feature for key in self.rules if key.feature)

    def changed(self, key: Key, rule: Rule | None) -> "Policy":
        """This policy with `rule` for that key; None: without one. Raises Invalid for what no rule can be."""
        check(key, rule)
        rules = {known: value for known, value in self.rules.items() if known != key}
        return Policy(self.grace_days, rules | {key: rule} if rule else rules)


def _from_specific_to_general(plan: str, status: str, feature: str) -> Iterator[Key]:
    if feature:
        if plan:
            yield Key(plan, status, feature)
        yield Key("", status, feature)
    if plan:
        yield Key(plan, status, "")
    yield Key("", status, "")


def check(key: Key, rule: Rule | None) -> None:
    """Raises Invalid for a rule that cannot be."""
    if key.status not in STATUSES:
        raise Invalid(f"There is no status called {key.status}. There are: {', '.join(STATUSES)}.", field="status")
    if rule is None or rule.days is None:
        return
    if not rule.grants:
        raise Invalid("What is not granted has no number of days.", field="days")
    if key.status in OPEN_STATUSES:
        raise Invalid(
            f"A subscription that is {key.status} has no end to count days to: grant it or not.", field="days"
        )
    if not 0 <= rule.days <= MOST_DAYS:
        raise Invalid(f"Days are a whole number from 0 to {MOST_DAYS}.", field="days")


def read_rule(words: str) -> Rule | None:
    """The rule written as "yes", "no" or "14d"; None for "default". Raises Invalid."""
    written = words.strip().lower()
    if written == "default":
        return None
    if written in ("yes", "no"):
        return Rule(grants=written == "yes")
    number = written.removesuffix("d")
    if number.isascii() and number.isdigit() and len(number) <= len(str(MOST_DAYS)):
        return Rule(grants=True, days=int(number))
    raise Invalid(f"{words!r} is no rule. Write yes, no, a number of days such as 14d, or default.", field="rule")
