"""The secret in an invitation's link: made from the app's key whenever it is needed, kept nowhere."""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from billing.core import settings
from billing.domain.teams.models import Invitation


def of(invitation: Invitation) -> str:
    """The token of the invitation as it was sent last."""
    return make(invitation.uid, invitation.number)


def make(uid: str, number: int) -> str:
    """The token of the invitation `uid`, sent for the `number`th time: 256 bits that only the app's key can make."""
    key = settings.current().secret_key.get_secret_value().encode()
    digest = hmac.digest(key, f"team invitation {uid} {number}".encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")


def hash_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
