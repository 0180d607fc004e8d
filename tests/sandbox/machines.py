"""The states Stripe's objects pass through, and which of them follow which."""

SUBSCRIPTION_MOVES = {
    "incomplete": {"active", "trialing", "incomplete_expired", "canceled"},
    "trialing": {"active", "past_due", "canceled", "paused", "unpaid"},
    "active": {"trialing", "past_due", "unpaid", "canceled", "paused"},
    "past_due": {"active", "trialing", "unpaid", "canceled", "paused"},
    "unpaid": {"active", "trialing", "canceled", "paused", "past_due"},
    "paused": {"active", "trialing", "canceled", "past_due"},
    "canceled": set[str](),
    "incomplete_expired": set[str](),
}
INVOICE_MOVES = {
    "draft": {"open", "paid", "void"},
    "open": {"paid", "void", "uncollectible"},
    "uncollectible": {"paid", "void", "open"},
    "paid": set[str](),
    "void": set[str](),
}
_TRIES_AGAIN = {"requires_payment_method", "requires_confirmation", "requires_action", "processing"}
INTENT_MOVES = {
    **{state: {*_TRIES_AGAIN, "requires_capture", "succeeded", "canceled"} for state in _TRIES_AGAIN},
    "requires_capture": {"succeeded", "canceled"},
    "succeeded": set[str](),
    "canceled": set[str](),
}
NOTE_MOVES = {"issued": {"void"}, "void": set[str]()}
SCHEDULE_MOVES = {
    "not_started": {"active", "canceled", "released"},
    "active": {"canceled", "completed", "released"},
    "canceled": set[str](),
    "completed": set[str](),
    "released": set[str](),
}
MOVES = {
    "subscription": SUBSCRIPTION_MOVES,
    "invoice": INVOICE_MOVES,
    "payment_intent": INTENT_MOVES,
    "credit_note": NOTE_MOVES,
    "subscription_schedule": SCHEDULE_MOVES,
}


def reachable(moves: dict[str, set[str]], start: str) -> set[str]:
    """A state may pass others on the way between two events."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for following in moves[waiting.pop()] - found:
            found.add(following)
            waiting.append(following)
    return found
