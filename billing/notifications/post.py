"""Telling an account what happened: the host by a signal, its people by a mail, each once for each cause.

A mail is a row written with the change that caused it, sent after the commit, and tried again later where that fails.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from billing.core import clock, db, i18n, logging, mail, settings, signals, statements
from billing.core.logging import get_logger
from billing.core.retries import is_free, longest_wait
from billing.domain.accounts.models import Account
from billing.domain.teams import queries as teams
from billing.domain.teams.models import Invitation
from billing.notifications import happenings, letters
from billing.notifications.causes import Caused
from billing.notifications.happenings import KINDS, Happening, signal_of
from billing.notifications.models import IS_WAITING, Mail

log = get_logger(__name__)

LEASE = timedelta(minutes=2)
MAX_ATTEMPTS = 12
"""Tries over two days: half a minute after the first, then each time twice as long, at most six hours."""

_AT_ONCE = 50


class _Claimed(NamedTuple):
    """A mail that is the claimer's to send."""

    kind: str
    key: str
    to: str
    locale: str | None
    data: dict[str, Any]
    request_ids: list[str]


class Recipient(NamedTuple):
    """An address, and the locale to write to it in (None: the setting's)."""

    to: str
    locale: str | None


_insert_once = statements.InsertOnce(Mail, "key")


def tell(account: Account, caused: Iterable[Caused]) -> None:
    """Announce what happened, and write to the account about it, once the current edge has committed."""
    told = list(caused)
    addressed = recipients(account) if told else []
    for key, happening in told:
        announced = signal_of(happening)
        if announced is not None:
            signals.announce(announced, key, happening, subject=account.key)
        _write(account, key, happening, addressed)


def invite(team: Account, made: Invitation) -> None:
    """Send the invitation to whom it is for, once for each of its numbers. It is a write of the current edge.

    The mail is in the language of whoever invites: nobody knows the other's.
    """
    news = happenings.Invitation(team.key, made.invited_by, team.name, made.uid, made.number)
    _write(team, f"{made.uid}:{made.number}", news, [Recipient(made.email, i18n.locale())])


def recipients(account: Account) -> list[Recipient]:
    """Those who see to the account's billing: a team's owners and billing managers, else the account's own address."""
    people = teams.managers(account) or [account]
    return [Recipient(person.email, person.locale) for person in people if "@" in person.email]


def _write(account: Account, key: str, happening: Happening, addressed: Iterable[Recipient]) -> None:
    kind = happening.kind
    if settings.current().mails_off & {kind, "all"}:
        return
    for to, locale in addressed:
        values = {
            "key": f"{kind}:{key}:{to}"[:255],
            "kind": kind,
            "account_id": account.id,
            "to": to,
            "locale": locale,
            "data": happening.to_json(),
            "request_ids": list(logging.request_ids()),
            "state": "waiting",
            "attempts": 0,
            "caused_at": clock.now(),
            "next_try_at": clock.now(),
        }
        mail_id = _insert_once(values)
        if mail_id is not None:
            db.on_commit(lambda mail_id=mail_id: _send(mail_id))  # type: ignore[misc]  # a default binds the loop's value


def send_due() -> int:
    """Send what waits and is due; how many that were. Call it as often as you like, from any host."""
    is_due = (IS_WAITING, Mail.next_try_at <= clock.now())
    with db.edge() as session:
        due = session.scalars(select(Mail.id).where(*is_due).order_by(Mail.next_try_at).limit(_AT_ONCE)).all()
    for mail_id in due:
        _send(mail_id)
    return len(due)


def _send(mail_id: int) -> None:
    """Try to send the mail, unless somebody else is at it or it has gone."""
    claimed = _claim(mail_id)
    if claimed is None:
        return
    kind, key, to, locale, data, request_ids = claimed
    with logging.serving(request_ids):
        try:
            mail.send(letters.compose(KINDS[kind].from_json(data), to, locale), f"billing-mail-{mail_id}")
        except Exception as error:  # a server that is away, or refuses: the change stands, and the mail is tried again
            log.exception("mail_failed", mail=mail_id, kind=kind, key=key)
            _mark_failed(mail_id, repr(error))
        else:
            _mark_sent(mail_id)
            log.info("mail_sent", mail=mail_id, kind=kind, key=key)


def _claim(mail_id: int) -> _Claimed | None:
    now = datetime.now(UTC)
    with db.edge():
        query = select(Mail).where(Mail.id == mail_id, IS_WAITING, is_free(Mail.claimed_until, now))
        row = db.begin_write().scalar(query.with_for_update(skip_locked=True))
        if row is None:
            return None
        row.claimed_until = now + LEASE
        row.attempts += 1
        db.session().flush()
        return _Claimed(row.kind, row.key, row.to, row.locale, row.data, row.request_ids)


def _mark_sent(mail_id: int) -> None:
    with db.edge():
        row = db.begin_write().get_one(Mail, mail_id)
        row.state, row.sent_at, row.next_try_at, row.error = "sent", clock.now(), None, None
        db.session().flush()


def _mark_failed(mail_id: int, error: str) -> None:
    with db.edge():
        row = db.begin_write().get_one(Mail, mail_id)
        row.claimed_until, row.error = None, error[:2000]
        if row.attempts >= MAX_ATTEMPTS:
            row.state, row.next_try_at = "failed", None
        else:
            row.next_try_at = clock.now() + longest_wait(row.attempts)
        db.session().flush()
