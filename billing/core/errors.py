"""Refusals: what goes wrong by the rules, as types with a code, an HTTP status and words for the person.

Anything else that is raised is a bug and answers 500.
"""

from dataclasses import dataclass

from billing.core.i18n import N_


class Misconfigured(Exception):
    """The settings cannot work; the message says which and how to mend them."""


@dataclass(frozen=True)
class Action:
    """A way on from an error page: a link in words."""

    label: str
    url: str


class Refusal(Exception):
    """A request that is refused by the rules.

    `code` is stable and for programs, `status` is HTTP's, `message` is a sentence for the person who must act, in
    their language. `title` stands above it, and is translated where it is shown. `field` names the form field at fault,
    where there is one.
    """

    code = "refused"
    status = 400
    title = N_("That did not work")

    def __init__(self, message: str, *, field: str | None = None, actions: tuple[Action, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.actions = actions


class Invalid(Refusal):
    """What was sent cannot be used."""

    code, status, title = "invalid", 422, N_("Please check what you entered")


class NotFound(Refusal):
    """There is no such thing, or it is somebody else's."""

    code, status, title = "not_found", 404, N_("Not found")


class Forbidden(Refusal):
    """The person may not do this."""

    code, status, title = "forbidden", 403, N_("Not allowed")


class Conflict(Refusal):
    """The state of things has moved on and does not allow this now."""

    code, status, title = "conflict", 409, N_("That has changed meanwhile")


class TooManyRequests(Refusal):
    """A rate limit was hit."""

    code, status, title = "rate_limited", 429, N_("Too many attempts")


class Unavailable(Refusal):
    """A service this needs does not answer."""

    code, status, title = "unavailable", 503, N_("The payment service does not answer")
