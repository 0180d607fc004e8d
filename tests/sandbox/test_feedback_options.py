"""A shop's own reasons for cancelling."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe


def test_an_option_is_made_renamed_listed_and_deactivated(client: stripe.StripeClient) -> None:
    options = client.v1.billing.feedback_options
    moving, merged = (options.create({"description": text}) for text in ("Moving", "Merged"))
    assert options.update(moving.id, {"description": "We move"}).description == "We move"

    gone = options.deactivate(merged.id)

    assert gone.status == "inactive"
    assert gone.status_transitions.deactivated_at
    assert [option.id for option in options.list({"status": "active"}).data] == [moving.id]
    assert options.retrieve(merged.id).status == "inactive"
    with pytest.raises(stripe.InvalidRequestError, match="already inactive"):
        options.deactivate(merged.id)


def test_a_configuration_offers_active_options_only(client: stripe.StripeClient) -> None:
    option = client.v1.billing.feedback_options.create({"description": "Moving"}).id

    def offer() -> stripe.billing_portal.Configuration:
        reason: Any = {"enabled": True, "options": ["other"], "feedback_options": [option]}
        return client.v1.billing_portal.configurations.create(
            {
                "features": {"subscription_cancel": {"enabled": True, "cancellation_reason": reason}},
                "expand": ["features.subscription_cancel.cancellation_reason.feedback_options"],
            }
        )

    offered = offer().features.subscription_cancel.cancellation_reason.feedback_options
    assert offered is not None
    assert [found.description for found in offered if not isinstance(found, str)] == ["Moving"]
    client.v1.billing.feedback_options.deactivate(option)
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        offer()


def test_a_cancellation_names_an_option_that_is(
    client: stripe.StripeClient, subscribe: Callable[..., stripe.Subscription], starter: str
) -> None:
    made = subscribe(starter)
    option = client.v1.billing.feedback_options.create({"description": "Moving"}).id
    with pytest.raises(stripe.InvalidRequestError, match="No such feedback option"):
        client.v1.subscriptions.cancel(made.id, {"cancellation_details": {"feedback_option": "fo_unknown"}})

    ended = client.v1.subscriptions.cancel(made.id, {"cancellation_details": {"feedback_option": option}})

    assert ended.cancellation_details is not None
    assert ended.cancellation_details.feedback_option == option
