"""What can come back from Stripe instead of an answer, as refusals."""

import stripe

from billing.core.errors import Refusal, Unavailable
from billing.core.i18n import N_
from billing.core.i18n import gettext as _


class StripeUnreachable(Unavailable):
    """Stripe did not answer, or answered that it cannot now. Trying again later is right."""

    code = "stripe_unreachable"


class StripeRefused(Refusal):
    """Stripe understood and refused: our request, key or settings are at fault, not the person's input."""

    code, status, title = "stripe_refused", 502, N_("The payment service refused")

    def __init__(self, message: str, *, stripe_code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.stripe_code = stripe_code
        self.param = param


class NoSuchObject(StripeRefused):
    """Stripe has no object of that id (any more)."""

    code = "stripe_no_such_object"


class KeyReused(StripeRefused):
    """The idempotency key was used before with other parameters: somebody else was here first."""

    code = "stripe_key_reused"


class CardDeclined(Refusal):
    """The card was declined; the message is Stripe's, meant for the cardholder."""

    code, status, title = "card_declined", 402, N_("The payment did not go through")

    def __init__(self, message: str, *, decline_code: str | None = None, stripe_code: str | None = None) -> None:
        super().__init__(message)
        self.decline_code = decline_code
        self.stripe_code = stripe_code


def translate(error: stripe.StripeError) -> Refusal:
    """The refusal that `error`, raised by the SDK, stands for."""
    words = error.user_message or _("Stripe gave no reason.")
    if isinstance(error, stripe.CardError):
        decline_code = error.error.decline_code if error.error else None
        return CardDeclined(words, decline_code=decline_code, stripe_code=error.code)
    if isinstance(error, stripe.IdempotencyError):
        return KeyReused(words)
    if isinstance(error, stripe.InvalidRequestError):
        kind = NoSuchObject if error.code == "resource_missing" else StripeRefused
        return kind(words, stripe_code=error.code, param=error.param)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return StripeRefused(_("Stripe does not accept the API key: %(words)s", words=words))
    return StripeUnreachable(
        _("Stripe cannot be reached at the moment. Nothing was charged; please try again shortly.")
    )
