"""Feedback options: a shop's own reasons for cancelling, which its portal configurations can offer."""

from billing.sandbox import ids, metadata
from billing.sandbox.unit import Json, Unit
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.pages import listing
from billing.sandbox.wire.params import PAGE, Text
from billing.sandbox.wire.routes import Params, route

_PATH = "/v1/billing/feedback_options"


def create(unit: Unit, params: Params) -> Json:
    option = {
        "id": ids.new_id("fo"),
        "object": "billing.feedback_option",
        "description": params["description"],
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
    }
    return unit.present(unit.add(option))


def update(unit: Unit, params: Params, *, id: str) -> Json:
    option = unit.get("billing.feedback_option", id)
    metadata.apply(option, params, "description")
    return unit.present(unit.save(option))


def deactivate(unit: Unit, _params: Params, *, id: str) -> Json:
    """Offer it no longer; configurations that name it keep it."""
    option = unit.get("billing.feedback_option", id)
    if option["status"] == "inactive":
        raise invalid("This feedback option is already inactive.", param="id")
    option.update({"status": "inactive", "status_transitions": {"deactivated_at": unit.now}})
    return unit.present(unit.save(option))


def retrieve(unit: Unit, _params: Params, *, id: str) -> Json:
    return unit.present(unit.get("billing.feedback_option", id))


def list_all(unit: Unit, params: Params) -> Json:
    where = {"status": params["status"]} if "status" in params else {}
    return listing(unit, "billing.feedback_option", _PATH, params, where)


ROUTES = [
    route("POST", _PATH, create, {"description": Text(required=True, max_length=100)}),
    route("GET", _PATH, list_all, {**PAGE, "status": Text(choices=("active", "inactive"))}),
    route("GET", f"{_PATH}/{{id}}", retrieve),
    route("POST", f"{_PATH}/{{id}}", update, {"description": Text(max_length=100)}),
    route("POST", f"{_PATH}/{{id}}/deactivate", deactivate),
]
