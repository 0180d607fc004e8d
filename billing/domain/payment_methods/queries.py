"""Reading payment methods."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from billing.core import db
from billing.domain.payment_methods.models import PaymentMethod


def find_all(stripe_ids: Iterable[str | None]) -> dict[str, PaymentMethod]:
    """The known payment methods among `stripe_ids`, by id."""
    wanted = [stripe_id for stripe_id in stripe_ids if stripe_id]
    if not wanted:
        return {}
    found: Sequence[PaymentMethod] = (
        db.session().scalars(select(PaymentMethod).where(PaymentMethod.stripe_id.in_(wanted))).all()
    )
    return {method.stripe_id: method for method in found}
