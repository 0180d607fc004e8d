"""What a shop asks on the Checkout page in its own words: custom fields and consents."""

from collections.abc import Mapping, Sequence

from billing.sandbox.unit import Json
from billing.sandbox.wire.errors import invalid
from billing.sandbox.wire.params import Array, Boolean, Fields, Integer, Text
from billing.sandbox.wire.routes import Params

_TYPED = Fields(
    fields={
        "default_value": Text(),
        "maximum_length": Integer(minimum=1, maximum=255),
        "minimum_length": Integer(minimum=1, maximum=255),
    }
)
_OPTION = Fields(fields={"label": Text(required=True, max_length=100), "value": Text(required=True, max_length=100)})
CUSTOM_FIELDS = Array(
    maximum=3,
    of=Fields(
        fields={
            "dropdown": Fields(
                fields={"default_value": Text(), "options": Array(of=_OPTION, required=True, maximum=200)}
            ),
            "key": Text(required=True, max_length=200),
            "label": Fields(
                required=True,
                fields={
                    "custom": Text(required=True, max_length=100),
                    "type": Text(required=True, choices=("custom",)),
                },
            ),
            "numeric": _TYPED,
            "optional": Boolean(),
            "text": _TYPED,
            "type": Text(required=True, choices=("dropdown", "numeric", "text")),
        }
    ),
)
CONSENT = Fields(
    fields={
        "payment_method_reuse_agreement": Fields(fields={"position": Text(required=True, choices=("auto", "hidden"))}),
        "promotions": Text(choices=("auto", "none")),
        "terms_of_service": Text(choices=("none", "required")),
    }
)


def check(given: Sequence[Params]) -> None:
    """Refuse custom fields whose keys are no keys, and dropdowns without options."""
    keys = [field["key"] for field in given]
    for index, field in enumerate(given):
        where = f"custom_fields[{index}]"
        if not (field["key"].isascii() and field["key"].isalnum()) or keys.count(field["key"]) > 1:
            raise invalid("The key of a custom field must be unique and alphanumeric.", param=f"{where}[key]")
        if field["type"] == "dropdown" and not field.get("dropdown", {}).get("options"):
            raise invalid("A dropdown needs options.", param=f"{where}[dropdown]")


def custom_fields(given: Sequence[Params]) -> list[Json]:
    """The fields as a session shows them, not filled in yet."""
    return [
        {
            "key": field["key"],
            "label": dict(field["label"]),
            "optional": field.get("optional", False),
            "type": field["type"],
            **{kind: _constraints(kind, field) if kind == field["type"] else None for kind in _KINDS},
        }
        for field in given
    ]


def consents(given: Params | None) -> Json | None:
    """What the session asks consent to; null where it asks nothing."""
    if given is None:
        return None
    nothing = {"payment_method_reuse_agreement": None, "promotions": "none", "terms_of_service": "none"}
    return {**nothing, **given}


def answer(session: Json, answers: Mapping[str, str], *, accepts_promotions: bool) -> None:
    """Write down what was typed into the custom fields, by key, and what was consented to."""
    for field in session["custom_fields"]:
        field[field["type"]]["value"] = answers.get(field["key"]) or None
    asked = session["consent_collection"]
    if asked is not None:
        session["consent"] = {
            "promotions": ("opt_in" if accepts_promotions else "opt_out") if asked["promotions"] == "auto" else None,
            # Without it the page does not pay.
            "terms_of_service": "accepted" if asked["terms_of_service"] == "required" else None,
        }


_KINDS = ("dropdown", "numeric", "text")


def _constraints(kind: str, field: Params) -> Json:
    given = field.get(kind, {})
    shared = {"default_value": given.get("default_value"), "value": None}
    if kind == "dropdown":
        return {**shared, "options": [dict(option) for option in given["options"]]}
    return {**shared, "maximum_length": given.get("maximum_length"), "minimum_length": given.get("minimum_length")}
