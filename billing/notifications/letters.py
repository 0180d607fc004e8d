"""The letters: what each kind says, and how it is laid out, in plain text and in HTML."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

from billing.core import i18n, settings
from billing.core.i18n import gettext as _
from billing.core.mail import Letter
from billing.domain.teams import tokens
from billing.notifications.happenings import (
    CancellationScheduled,
    CardExpiring,
    ChangeOfPlan,
    Happening,
    Invitation,
    InvoicePaid,
    PaymentActionRequired,
    PaymentFailed,
    RenewalComing,
    SubscriptionEnded,
    SubscriptionStarted,
    TrialEnding,
)

_TEMPLATES = ("billing/mail/letter.txt", "billing/mail/letter.html")


@dataclass(frozen=True)
class Content:
    """What a letter says: a title, paragraphs, facts in a list, and the one thing to do about it."""

    subject: str
    title: str
    paragraphs: list[str]
    action: tuple[str, str]
    facts: list[tuple[str, str]] = field(default_factory=list)
    footnote: str = ""


def compose(happening: Happening, to: str, locale: str | None) -> Letter:
    """The letter about `happening`, in the language of `locale` (None: the setting's)."""
    with i18n.using(locale):
        content = _CONTENTS[type(happening)](happening)
        current = settings.current()
        shown: dict[str, Any] = {
            "letter": content,
            "language": i18n.language(),
            "site_name": current.site_name,
            "site_url": current.base_url,
            "support_email": current.support_email,
        } | i18n.for_templates()
        text, html = (current_app.jinja_env.get_template(name).render(shown) for name in _TEMPLATES)
    return Letter(to, " ".join(content.subject.splitlines()), text, html)


def _welcome(news: SubscriptionStarted) -> Content:
    plan = _plan(news.plan)
    if news.trial_ends_at is not None:
        day = i18n.day(news.trial_ends_at)
        body = _("Your free trial runs until %(day)s. We write to you again before it ends.", day=day)
    else:
        body = _("Your plan is active now, with everything it includes.")
    return Content(
        subject=_("Welcome to %(plan)s", plan=plan),
        title=_("Welcome to %(plan)s", plan=plan),
        paragraphs=[body, _("You can change or cancel it whenever you like, on your billing page.")],
        action=(_("Open your billing page"), _url("billing.overview")),
    )


def _receipt(news: InvoicePaid) -> Content:
    amount = i18n.money(news.money)
    return Content(
        subject=_("Your receipt for %(amount)s", amount=amount),
        title=_("Thank you for your payment"),
        paragraphs=[_("We have received %(amount)s.", amount=amount)],
        facts=[
            (_("Invoice"), news.number or "–"),
            (_("Amount"), amount),
            (_("Paid on"), i18n.day(news.paid_at)),
        ],
        action=(_("View the invoice"), _invoice_url(news.number)),
    )


def _payment_failed(news: PaymentFailed) -> Content:
    amount = i18n.money(news.money)
    paragraphs = [_("We could not charge %(amount)s to your payment method.", amount=amount)]
    if news.next_attempt_at is not None:
        day = i18n.day(news.next_attempt_at)
        again = _("We will try again on %(day)s. You can also pay now, with another card if you like.", day=day)
    else:
        again = _("We will not try again by ourselves. Please pay now, with another card if you like.")
    return Content(
        subject=_("Your payment of %(amount)s did not go through", amount=amount),
        title=_("Your payment did not go through"),
        paragraphs=[*paragraphs, again],
        facts=[(_("Invoice"), news.number or "–"), (_("Amount due"), amount)],
        action=(_("Pay now"), _pay_url(news.number)),
        footnote=_("If you have paid in the meantime, there is nothing left to do."),
    )


def _action_required(news: PaymentActionRequired) -> Content:
    amount = i18n.money(news.money)
    return Content(
        subject=_("Please confirm your payment of %(amount)s", amount=amount),
        title=_("Your bank asks you to confirm"),
        paragraphs=[
            _("Your bank wants to know that the payment of %(amount)s is yours. It takes a minute.", amount=amount)
        ],
        facts=[(_("Invoice"), news.number or "–"), (_("Amount due"), amount)],
        action=(_("Confirm the payment"), _pay_url(news.number)),
        footnote=_("If you have confirmed it in the meantime, there is nothing left to do."),
    )


def _trial_ending(news: TrialEnding) -> Content:
    plan, day = _plan(news.plan), i18n.day(news.ends_at)
    if news.has_card:
        body = _("After that your plan begins and is charged. If you want to go on, there is nothing to do.")
    else:
        body = _("To go on after that, add a payment method.")
    action = (
        (_("Open your billing page"), _url("billing.overview"))
        if news.has_card
        else (_("Add a payment method"), _url("billing.payment_methods"))
    )
    return Content(
        subject=_("Your trial of %(plan)s ends on %(day)s", plan=plan, day=day),
        title=_("Your trial ends on %(day)s", day=day),
        paragraphs=[body],
        action=action,
        footnote=_("You can cancel on your billing page until then, and pay nothing.") if news.has_card else "",
    )


def _renewal(news: RenewalComing) -> Content:
    plan, day = _plan(news.plan), i18n.day(news.renews_at)
    return Content(
        subject=_("%(plan)s renews on %(day)s", plan=plan, day=day),
        title=_("Your plan renews on %(day)s", day=day),
        paragraphs=[_("Your yearly plan goes on for another year. If you want that, there is nothing to do.")],
        facts=[
            (_("Plan"), plan),
            (_("Price, before tax and discounts"), i18n.money(news.money)),
            (_("Renews"), day),
        ],
        action=(_("Open your billing page"), _url("billing.overview")),
        footnote=_("You can change or cancel it there until then."),
    )


def _card_expiring(news: CardExpiring) -> Content:
    card = _("%(brand)s ending in %(last4)s", brand=news.brand, last4=news.last4) if news.last4 else news.brand
    month = f"{news.month:02}/{news.year}"
    return Content(
        subject=_("Your card expires soon"),
        title=_("Your card expires soon"),
        paragraphs=[
            _("%(card)s is good until %(month)s.", card=card, month=month),
            _("Add a new one so that your plan goes on without a break."),
        ],
        action=(_("Update your payment method"), _url("billing.payment_methods")),
        footnote=_("Some banks renew cards by themselves. Then there is nothing to do."),
    )


def _plan_changed(news: ChangeOfPlan) -> Content:
    before, after = _paid(news.before, news.interval_before), _paid(news.after, news.interval_after)
    return Content(
        subject=_("You are on %(plan)s now", plan=after),
        title=_("Your plan has changed"),
        paragraphs=[_("You were on %(before)s and are on %(after)s now.", before=before, after=after)],
        action=(_("Open your billing page"), _url("billing.overview")),
    )


def _cancellation_scheduled(news: CancellationScheduled) -> Content:
    plan, day = _plan(news.plan), i18n.day(news.ends_at)
    return Content(
        subject=_("You have canceled %(plan)s", plan=plan),
        title=_("Your plan ends on %(day)s", day=day),
        paragraphs=[
            _("Until then everything in %(plan)s stays yours. It is not charged again.", plan=plan),
            _("If you change your mind, you can keep it until that day."),
        ],
        action=(_("Keep the plan"), _url("billing.overview")),
    )


def _subscription_ended(news: SubscriptionEnded) -> Content:
    plan = _plan(news.plan)
    return Content(
        subject=_("%(plan)s has ended", plan=plan),
        title=_("Your plan has ended"),
        paragraphs=[
            _("%(plan)s ended on %(day)s. Nothing is charged any more.", plan=plan, day=i18n.day(news.ended_at)),
            _("Your invoices stay on your billing page, and you can come back whenever you like."),
        ],
        action=(_("See plans"), _url("billing.pricing")),
    )


def _invitation(news: Invitation) -> Content:
    site = settings.current().site_name
    body = _(
        "%(inviter)s would like you to join %(team)s at %(site)s.", inviter=news.inviter, team=news.team, site=site
    )
    return Content(
        subject=_("%(inviter)s invites you to %(team)s", inviter=news.inviter, team=news.team),
        title=_("You are invited to %(team)s", team=news.team),
        paragraphs=[body],
        action=(_("Join the team"), _url("billing.invitation", token=tokens.make(news.invitation, news.number))),
        footnote=_("If you do not know %(inviter)s, ignore this mail: nothing happens.", inviter=news.inviter),
    )


_CONTENTS: dict[type[Happening], Callable[[Any], Content]] = {
    SubscriptionStarted: _welcome,
    InvoicePaid: _receipt,
    PaymentFailed: _payment_failed,
    PaymentActionRequired: _action_required,
    TrialEnding: _trial_ending,
    RenewalComing: _renewal,
    CardExpiring: _card_expiring,
    ChangeOfPlan: _plan_changed,
    CancellationScheduled: _cancellation_scheduled,
    SubscriptionEnded: _subscription_ended,
    Invitation: _invitation,
}


def _paid(plan: str, interval: str) -> str:
    return f"{plan} ({i18n.per(interval)})" if interval else plan


def _plan(name: str) -> str:
    return name or _("A former plan")


def _invoice_url(number: str | None) -> str:
    return _url("billing.invoice", number=number) if number else _url("billing.invoices")


def _pay_url(number: str | None) -> str:
    return _url("billing.pay_invoice", number=number) if number else _url("billing.overview")


def _url(endpoint: str, **values: str) -> str:
    """The public address of a page; no request may be under way, whose address could tell."""
    return settings.current().base_url + current_app.url_map.bind("").build(endpoint, values)
