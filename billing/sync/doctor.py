"""The doctor: everything between this deployment and Stripe looked at once, each finding with its way out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from billing.core import clock, db, effects, migrate, queue, settings
from billing.core.errors import Misconfigured, Refusal
from billing.domain import portal
from billing.domain.catalog import queries as catalog_queries
from billing.domain.catalog import service as catalog
from billing.gateway import accounts, events, watch, webhooks
from billing.gateway.client import API_VERSION
from billing.gateway.errors import StripeRefused, StripeUnreachable
from billing.gateway.listings import Window
from billing.sync import drift, health, queries, stripe_account, tail
from billing.sync.listings import LISTINGS
from billing.sync.models import WebhookEvent
from billing.sync.routes import EVENTS, THIN_EVENTS, subject_of

Level = Literal["fine", "warning", "error"]

_MAY_BE_UNDER_WAY = timedelta(minutes=5)
_LOOKED_BACK = timedelta(days=1)
_COMPARED_EVERY = timedelta(days=7)


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what to do about it, where there is something to do."""

    about: str
    level: Level
    words: str
    fix: str | None = None


def _fine(about: str, words: str) -> Finding:
    return Finding(about, "fine", words)


def _warning(about: str, words: str, fix: str) -> Finding:
    return Finding(about, "warning", words, fix)


def _error(about: str, words: str, fix: str) -> Finding:
    return Finding(about, "error", words, fix)


def examine(webhook_url: str) -> list[Finding]:
    """Look at everything; `webhook_url` is where Stripe should send its events. Nothing is changed anywhere."""
    found = [*_settings(), *_queue()]
    is_there = _database()
    found += is_there
    has_tables = all(one.level == "fine" for one in is_there)
    answered = _try("Key", lambda: list(_key()))
    found += answered
    if all(one.level == "fine" for one in answered):
        if has_tables:
            found += _try("Stripe account", lambda: list(_account()))
        found += _try("Webhook endpoint", lambda: list(_endpoint(webhook_url)))
        found += _try("Thin events", lambda: list(_thin_endpoint(webhook_url)))
        found += _clock()
        if has_tables:
            found += _try("Customer Portal", lambda: list(_portal()))
            found += _try("Catalog", lambda: list(_catalog()))
            found += _try("Deliveries", lambda: list(_missed()))
    return [*found, *_inbox(), *_effects(), *_tail(), *_drift()] if has_tables else found


def _try(about: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """What `look` finds, in an edge of its own; that Stripe refuses to say is a finding, too."""
    try:
        with db.edge():
            return look()
    except StripeUnreachable:
        return [_unreachable(about)]
    except Refusal as refusal:
        return [
            _error(about, refusal.message, "See what Stripe says of it; a restricted key must be allowed to read it.")
        ]
    except Misconfigured as wrong:
        return [_error(about, str(wrong), "Mend the file, then run the doctor again.")]


def _unreachable(about: str) -> Finding:
    base = settings.current().stripe_api_base
    where = f"{base}, which STRIPE_API_BASE names," if base else "https://api.stripe.com"
    fix = f"See that this host can open connections to {where} and whether https://status.stripe.com tells of trouble."
    return _error(about, "Stripe does not answer.", fix)


def _settings() -> Iterator[Finding]:
    current = settings.current()
    address = urlsplit(current.base_url)
    if current.mode == "sandbox":
        yield _fine("Mode", "The sandbox: no key is set, and no real money moves.")
        return
    yield _fine("Mode", f"Stripe in {current.mode} mode.")
    if current.mode == "live" and address.scheme != "https":
        yield _error("Address", f"{current.base_url} is not https.", "Set BASE_URL to the public https address.")
    elif address.hostname in ("localhost", "127.0.0.1"):
        yield _warning(
            "Address",
            f"Stripe cannot reach {current.base_url}.",
            "Set BASE_URL to the public address; on your own machine let `stripe listen` forward the events.",
        )
    else:
        yield _fine("Address", current.base_url)
    if current.stripe_publishable_key:
        yield _fine("Publishable key", "Set, and of the same mode.")
    else:
        yield _fine("Publishable key", "None: cards are added in the Customer Portal.")
    if not current.webhook_secrets:
        yield _error(
            "Webhook secret",
            "None is set, so the endpoint answers 404.",
            "Put the endpoint's signing secret into STRIPE_WEBHOOK_SECRETS.",
        )


def _queue() -> Iterator[Finding]:
    way = settings.current().event_processing
    if way in ("inline", "thread"):
        return
    try:
        waiting = queue.count_waiting(way, settings.current().deployment_name)
    except Exception as error:  # each storage has errors of its own
        fix = "Start it, or mend EVENT_PROCESSING. Until then `flask billing work` finds events by itself, more slowly."
        yield _error("Queue", f"It cannot be reached ({type(error).__name__}).", fix)
    else:
        yield _fine("Queue", f"Reachable; {_numbered(waiting, 'task waits', 'tasks wait')} in it.")


def _database() -> list[Finding]:
    try:
        is_pending = migrate.is_pending(db.engine(), migrate.followed())
    except SQLAlchemyError as error:
        return [_error("Database", f"It does not answer ({type(error).__name__}).", "Start it, or mend DATABASE_URL.")]
    if is_pending:
        return [_error("Database", "Migrations are missing.", "Run `flask billing db upgrade`.")]
    return [_fine("Database", f"It answers ({db.engine().dialect.name}), and its tables are in their newest shape.")]


def _key() -> Iterator[Finding]:
    """Whether Stripe takes the key: asking for endpoints is what the doctor needs anyway."""
    webhooks.list_endpoints()
    yield _fine("Key", "Stripe takes it.")


def _account() -> Iterator[Finding]:
    """Whether the key is of the account that the local tables were filled from."""
    about = "Stripe account"
    known = stripe_account.noted()
    try:
        asked = accounts.own_id()
    except StripeRefused:
        fix = "Let the restricted key read the account, so that filling and repairing refuse a key of another one."
        yield _warning(about, "The key may not say whose it is.", fix)
        return
    if known is None:
        yield _fine(about, f"{asked}; the first backfill, tail or drift will note it.")
    elif known == asked:
        yield _fine(about, f"{asked}, as in the local tables.")
    else:
        fix = f"Set a key of {known}; if {asked} is meant: `flask billing sync backfill --new-account`, then `drift`."
        yield _error(about, f"The key is of {asked}; the local tables were filled from {known}.", fix)


def _endpoint(url: str) -> Iterator[Finding]:
    about = "Webhook endpoint"
    ours = [endpoint for endpoint in webhooks.list_endpoints() if endpoint["url"].rstrip("/") == url.rstrip("/")]
    create = f"Run `flask billing webhooks create-endpoint {url}` and put its secret into STRIPE_WEBHOOK_SECRETS."
    if not ours:
        yield _error(about, f"Stripe has none for {url}.", create)
        return
    enabled = [endpoint for endpoint in ours if endpoint["status"] == "enabled"]
    if not enabled:
        fix = "Enable it in Stripe's dashboard, under Webhooks, and see there why deliveries failed."
        yield _error(about, f"{ours[0]['id']} is disabled.", fix)
        return
    if len(enabled) > 1:
        fix = "Unless a secret or an API version is being changed, delete all but one in Stripe's dashboard."
        yield _warning(about, f"{len(enabled)} endpoints send to {url}: each event comes so many times.", fix)
    sent = {kind for endpoint in enabled for kind in endpoint["enabled_events"]}
    missing = [] if "*" in sent else sorted(EVENTS.keys() - sent)
    if missing:
        fix = "Add them to the endpoint in Stripe's dashboard, or create a new one as below and delete the old."
        yield _error(
            about,
            f"It does not send {_numbered(len(missing), 'kind', 'kinds')} of events: {_listed(missing)}.",
            f"{fix} {create}",
        )
    versions = {endpoint["api_version"] for endpoint in enabled} - {API_VERSION}
    if versions:
        spoken = _listed(sorted(str(version or "the account's default") for version in versions))
        yield _warning(about, f"It speaks API version {spoken}; this release speaks {API_VERSION}.", create)
    if len(enabled) == 1 and not missing and not versions:
        yield _fine(about, f"{enabled[0]['id']} sends what is acted on to {url}, as {API_VERSION}.")


def _thin_endpoint(url: str) -> Iterator[Finding]:
    """Whether errors in reported usage, which Stripe tells in thin events alone, come here."""
    sent = {
        kind
        for one in webhooks.list_thin_endpoints()
        if one["status"] == "enabled" and one["webhook_endpoint"]["url"].rstrip("/") == url.rstrip("/")
        for kind in one["enabled_events"]
    }
    if missing := sorted(THIN_EVENTS.keys() - sent):
        fix = "In Stripe's dashboard make an event destination for thin events to that URL; needless without usage."
        yield _warning("Thin events", f"No event destination sends {_listed(missing)} to {url}.", fix)
    else:
        yield _fine("Thin events", f"Errors in usage are told to {url}.")


def _clock() -> Iterator[Finding]:
    skew = watch.clock_skew()
    if skew is None:
        yield _fine("Clock", "The sandbox in this process has this clock.")
    elif abs(skew) > health.CLOCK_MAY_DIFFER:
        apart = clock.in_words(skew)
        way = "ahead of" if skew > timedelta() else "behind"
        yield _error("Clock", f"This host's is {apart} {way} Stripe's: signatures will be refused.", "Run NTP on it.")
    else:
        yield _fine("Clock", "Within a minute of Stripe's.")


def _portal() -> Iterator[Finding]:
    about, fix = "Customer Portal", "Run `flask billing portal configure`."
    held = portal.configuration()
    if held is None:
        told = settings.current().stripe_portal_configuration
        yield _error(
            about,
            f"Stripe has no active configuration {told}." if told else "This deployment has made no configuration.",
            f"{fix} Then mend STRIPE_PORTAL_CONFIGURATION." if told else fix,
        )
        return
    allowed = {
        price
        for product in held["features"]["subscription_update"].get("products") or []
        for price in product["prices"]
    }
    lacking = [
        price.lookup_key or price.stripe_id
        for plan in catalog_queries.plans_for_sale()
        for price in plan.prices
        if price.is_active and price.stripe_id not in allowed
    ]
    if lacking:
        yield _warning(about, f"Customers cannot change to {_listed(lacking)} in it.", fix)
    else:
        yield _fine(about, f"{held['id']} lets customers change between all prices on sale.")


def _catalog() -> Iterator[Finding]:
    about, fix = "Catalog", "Run `flask billing catalog apply`."
    changes = catalog.preview()
    lost = [change.key for change in changes if change.noun == "price" and change.verb != "archive"]
    prices = [price for plan in catalog_queries.plans_for_sale() for price in plan.prices if price.is_active]
    if lost:
        yield _error(about, f"At Stripe these prices are missing, archived or others: {_listed(lost)}.", fix)
    elif changes:
        yield _warning(about, f"Stripe differs from the file in {_numbered(len(changes), 'point', 'points')}.", fix)
    elif not prices:
        yield _error(about, "The local tables hold no price, so nothing is on sale.", fix)
    else:
        yield _fine(
            about,
            f"{_numbered(len(prices), 'price', 'prices')} on sale, as the file, Stripe and the local tables have it.",
        )


def _missed() -> Iterator[Finding]:
    """Whether an event of the last day, of a kind that is acted on, has not come."""
    now = clock.now()
    window = Window(int((now - _LOOKED_BACK).timestamp()), int((now - _MAY_BE_UNDER_WAY).timestamp()))
    ours = [event["id"] for event in events.page(window).objects if subject_of(event) is not None]
    columns = (WebhookEvent.stripe_id, WebhookEvent.request_id, WebhookEvent.created_at)  # not the bodies
    known = db.session().execute(select(*columns).where(WebhookEvent.stripe_id.in_(ours))).all()
    if missed := len(set(ours) - {row.stripe_id for row in known}):
        fix = "Look at the endpoint above, and run `flask billing sync tail` to fetch them."
        yield _error("Deliveries", f"{missed} of Stripe's latest {len(ours)} events have not come.", fix)
        return
    last = queries.last_delivery()
    when = "No event has come yet."
    if last:
        when = f"The last event came {clock.passed_in_words(now - last.received_at)} ago."
    fetched = [row for row in known if row.request_id is None and not (last and row.created_at <= last.received_at)]
    if fetched:
        told = f"{when} {len(fetched)} of a later time had to be fetched from Stripe's list."
        yield _warning("Deliveries", told, "Look at the endpoint above, and at its deliveries in Stripe's dashboard.")
        return
    yield _fine("Deliveries", f"{when} Of those of the last day none is missing.")


def _inbox() -> Iterator[Finding]:
    with db.edge():
        backlog, counts = queries.backlog(), queries.count_needing_attention()
        lost = queries.count_left_behind(_MAY_BE_UNDER_WAY)
    if lost:
        yield _error(
            "Inbox",
            f"{_numbered(lost, 'event has', 'events have')} been due for minutes without being worked off.",
            "See that `flask billing work` runs, or cron calls `flask billing webhooks process`.",
        )
    retry = "`flask billing events retry --all` tries them again."
    if count := counts.get("failed"):
        yield _warning(
            "Inbox",
            f"{_numbered(count, 'event', 'events')} failed and will be tried again.",
            f"`flask billing events list --state failed` shows them; {retry}",
        )
    if count := counts.get("parked"):
        yield _error(
            "Inbox",
            f"{_numbered(count, 'event was', 'events were')} given up.",
            f"`flask billing events list --state parked` shows them; {retry}",
        )
    if count := counts.get("refused"):
        fix = "Two endpoints or keys are mixed up: see which deployment each endpoint in Stripe's dashboard points to."
        yield _warning(
            "Inbox", f"{_numbered(count, 'event was', 'events were')} refused: of the other mode (live or test).", fix
        )
    if not lost and not counts:
        yield _fine(
            "Inbox",
            f"{_numbered(backlog.count, 'event waits', 'events wait')}; none failed."
            if backlog.count
            else "Nothing waits.",
        )


def _effects() -> Iterator[Finding]:
    with db.edge():
        failed = effects.count_failed()
    if failed:
        fix = "The log names each (effect_failed). They are not sent again by themselves."
        yield _warning("Effects", f"{_numbered(failed, 'signal or mail', 'signals or mails')} could not be sent.", fix)


def _tail() -> Iterator[Finding]:
    left = tail.left()
    fix = "`flask billing work` reads it every hour; without that, run `flask billing sync tail` from cron."
    if left is None:
        yield _warning("Missed events", "Stripe's list of events has never been read.", fix)
    elif left < timedelta():
        yield _error("Missed events", "Some may be lost for good.", f"Run `flask billing sync backfill`. {fix}")
    elif left < health.TAIL_MAY_LACK:
        yield _warning("Missed events", f"In {tail.in_words(left)} events begin to be lost.", fix)
    else:
        yield _fine("Missed events", f"Looked for; {tail.in_words(left)} before any could be lost.")


def _drift() -> Iterator[Finding]:
    with db.edge():
        differing, compared_at = drift.standing()
    fix = "Run `flask billing sync drift` from cron, every night."
    if not compared_at:
        yield _warning("Drift", "The local tables have never been compared with Stripe.", fix)
        return
    if differing:
        again = "`flask billing sync drift --repair` compares again and repairs; /admin/sync shows what differed."
        yield _error("Drift", f"{_numbered(differing, 'object', 'objects')} differed when compared last.", again)
    if never := [noun for noun in LISTINGS if noun not in compared_at]:
        allowed = f"{fix} A restricted key must be allowed to read what it compares."
        yield _warning("Drift", f"Never compared with Stripe: {_listed(never)}.", allowed)
    ago = clock.now() - min(compared_at.values())
    if ago > _COMPARED_EVERY:
        yield _warning("Drift", f"Some of the local tables were compared {clock.passed_in_words(ago)} ago.", fix)
    elif not differing and not never:
        yield _fine("Drift", f"Compared {clock.passed_in_words(ago)} ago; nothing differs.")


def _numbered(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
