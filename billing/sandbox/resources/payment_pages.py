"""The private endpoints behind hosted Checkout, by which Stripe's command line completes a session."""

from billing.sandbox import checkout
from billing.sandbox.checkout_customer import Buyer
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import StripeApiError, invalid
from billing.sandbox.wire.params import Integer, Text
from billing.sandbox.wire.routes import Params, route


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    """The page of a session, which goes by the session's id."""
    return unit.present(unit.get("checkout.session", id))


def confirm(unit: Unit, params: Params, *, id: str) -> Json:
    """Press the page's button, with a payment method made before; a declined one raises its card error."""
    session = unit.get("checkout.session", id)
    if params.get("expected_amount", session["amount_total"]) != session["amount_total"]:
        raise invalid("The expected amount is not what the session asks for.", param="expected_amount")
    method = unit.get("payment_method", params["payment_method"], "payment_method")
    person = method["billing_details"]
    buyer = Buyer(person["email"], person["name"], person["address"], person["phone"])
    result = checkout.pay(unit, id, buyer=buyer, means=checkout.Means(method["id"]))
    if result.error is not None:
        raise StripeApiError(402, {"error": result.error})
    return result.session


ROUTES = [
    route("GET", "/v1/payment_pages/{id}", retrieve),
    route(
        "POST",
        "/v1/payment_pages/{id}/confirm",
        confirm,
        {"expected_amount": Integer(), "payment_method": Text(required=True)},
    ),
]
