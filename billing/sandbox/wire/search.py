"""Stripe's search language: clauses joined by AND or by OR, never both.

https://docs.stripe.com/search#search-query-language
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid

MAX_CLAUSES = 10
_STRING, _TOKEN, _NUMBER = "string", "token", "number"
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "charge": {
        "amount": _NUMBER,
        "billing_details.address.postal_code": _TOKEN,
        "created": _NUMBER,
        "currency": _TOKEN,
        "customer": _TOKEN,
        "disputed": _TOKEN,
        "payment_method_details.card.brand": _TOKEN,
        "payment_method_details.card.exp_month": _TOKEN,
        "payment_method_details.card.exp_year": _TOKEN,
        "payment_method_details.card.fingerprint": _TOKEN,
        "payment_method_details.card.last4": _TOKEN,
        "payment_method_details.us_bank_account.last4": _TOKEN,
        "refunded": _TOKEN,
        "status": _TOKEN,
    },
    "customer": {"created": _NUMBER, "email": _STRING, "name": _STRING, "phone": _STRING},
    "invoice": {
        "created": _NUMBER,
        "currency": _TOKEN,
        "customer": _TOKEN,
        "number": _STRING,
        "receipt_number": _STRING,
        "status": _TOKEN,
        "subscription": _TOKEN,
        "total": _NUMBER,
    },
    "payment_intent": {
        "amount": _NUMBER,
        "created": _NUMBER,
        "currency": _TOKEN,
        "customer": _TOKEN,
        "status": _TOKEN,
    },
    "price": {"active": _TOKEN, "currency": _TOKEN, "lookup_key": _STRING, "product": _TOKEN, "type": _TOKEN},
    "product": {
        "active": _TOKEN,
        "description": _STRING,
        "name": _STRING,
        "shippable": _TOKEN,
        "url": _STRING,
    },
    "subscription": {"canceled_at": _NUMBER, "created": _NUMBER, "status": _TOKEN},
}
_ELSEWHERE = {("invoice", "subscription"): "parent.subscription_details.subscription"}
_CLAUSE = re.compile(
    r"""\s*(?P<not>-?)(?P<field>[a-z_][a-z0-9_.]*)
    (?:\[\s*(?:"(?P<k1>(?:[^"\\]|\\.)*)"|'(?P<k2>(?:[^'\\]|\\.)*)')\s*\])?
    \s*(?P<op>>=|<=|[:~><])\s*
    (?:"(?P<v1>(?:[^"\\]|\\.)*)"|'(?P<v2>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s"']+))""",
    re.VERBOSE,
)
_JOINT = re.compile(r"\s+(?:(AND|OR)\s+)?")


@dataclass(frozen=True)
class Clause:
    """One condition; `value` None is Stripe's unquoted null."""

    negated: bool
    field: str
    key: str | None
    operator: str
    value: str | None


def search(unit: Unit, kind: str, url: str, params: Mapping[str, Any]) -> Json:
    """One page of the objects of `kind` a query finds, newest first; `page` is the token of the page before."""
    clauses, any_of = parse(params["query"])
    tests = [_test(kind, clause) for clause in clauses]
    join = any if any_of else all
    where = {"seq <": _sequence(params["page"])} if "page" in params else {}
    limit = params.get("limit", 10)
    found = []
    for obj in unit.query(kind, where=where):
        if join(test(obj) for test in tests):
            found.append(obj)
            if len(found) > limit:
                break
    page = found[:limit]
    more = len(found) > limit
    return {
        "object": "search_result",
        "url": url,
        "has_more": more,
        "next_page": _page_after(unit, page[-1]) if more else None,
        "data": [unit.present(obj) for obj in page],
    }


def parse(query: str) -> tuple[list[Clause], bool]:
    """The clauses of a query, and whether any of them is enough."""
    text, at, clauses, joints = query.strip(), 0, [], set()
    while True:
        match = _CLAUSE.match(text, at)
        if match is None:
            raise _unreadable(query)
        clauses.append(_clause(match))
        at = match.end()
        if at == len(text):
            break
        joint = _JOINT.match(text, at)
        if joint is None:
            raise _unreadable(query)
        joints.add(joint[1] or "AND")
        at = joint.end()
    if len(joints) > 1:
        raise invalid("A search query cannot mix AND and OR.", param="query")
    if len(clauses) > MAX_CLAUSES:
        raise invalid(f"A search query can have at most {MAX_CLAUSES} clauses.", param="query")
    return clauses, joints == {"OR"}


def _clause(match: re.Match[str]) -> Clause:
    quoted = match["v1"] if match["v1"] is not None else match["v2"]
    value = match["bare"] if quoted is None else _unescaped(quoted)
    key = match["k1"] if match["k1"] is not None else match["k2"]
    return Clause(
        negated=bool(match["not"]),
        field=match["field"],
        key=None if key is None else _unescaped(key),
        operator=match["op"],
        value=None if quoted is None and value == "null" else value,
    )


def _test(kind: str, clause: Clause) -> Callable[[Json], bool]:
    of = _STRING if clause.field == "metadata" and clause.key is not None else _FIELDS[kind].get(clause.field)
    if of is None or (clause.key is not None and clause.field != "metadata"):
        raise invalid(
            f"Field `{clause.field}` is an unsupported search field for resource `{kind}s`. See "
            f"http://stripe.com/docs/search#query-fields-for-{kind.replace('_', '-')}s for a list of supported fields.",
            param="query",
        )
    if clause.operator == "~" and (of != _STRING or len(clause.value or "") < 3):
        raise invalid("`~` searches text fields for at least three characters.", param="query")
    if clause.operator not in (":", "~") and of != _NUMBER:
        raise invalid(f"Operator `{clause.operator}` is not supported for field `{clause.field}`.", param="query")
    number = _number(clause) if of == _NUMBER and clause.value is not None else None
    path = _ELSEWHERE.get((kind, clause.field), clause.field).split(".")

    def holds(obj: Json) -> bool:
        value: Any = obj
        for part in path if clause.key is None else [*path, clause.key]:
            value = value.get(part) if isinstance(value, dict) else None
        return _compare(value, clause, number) is not clause.negated

    return holds


def _compare(value: Any, clause: Clause, number: float | None) -> bool:
    if clause.value is None:
        return value is None
    if value is None:
        return False
    if number is not None:
        compared = {">": value > number, "<": value < number, ">=": value >= number, "<=": value <= number}
        return bool(compared.get(clause.operator, value == number))
    text = ("true" if value else "false") if isinstance(value, bool) else str(value).lower()
    wanted = clause.value.lower()
    return wanted in text if clause.operator == "~" else wanted == text


def _number(clause: Clause) -> float:
    try:
        return float(clause.value or "")
    except ValueError:
        raise invalid(f"Field `{clause.field}` takes a number.", param="query") from None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _page_after(unit: Unit, obj: Json) -> str:
    return base64.urlsafe_b64encode(f"after:{unit.sequence_of(obj['id'], obj['object'])}".encode()).decode()


def _sequence(token: str) -> int:
    try:
        word, _, sequence = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        word, sequence = "", ""
    if word != "after" or not re.fullmatch(r"[0-9]{1,15}", sequence):
        raise invalid(f"Invalid page token: {token}", param="page")
    return int(sequence)


def _unreadable(query: str) -> StripeApiError:
    return invalid(f"We were unable to parse your search query: {query}", param="query")
