"""Addresses: as people enter them, and what none is."""

import pytest

from billing.core.errors import Invalid
from billing.domain.accounts.address import Address


def test_blanks_go_and_the_country_is_a_code() -> None:
    address = Address(" de ", "  Straße 1 ", city="Köln\t")
    assert address.to_json() == {
        "country": "DE",
        "line1": "Straße 1",
        "line2": "",
        "city": "Köln",
        "state": "",
        "postal_code": "",
    }


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("country", "", "Choose a country."),
        ("country", "Germany", "Choose a country."),
        ("country", "ÄÖ", "Choose a country."),
        ("country", "1A", "Choose a country."),
        ("line1", "x" * 201, "longer than an address"),
        ("city", "Ber\x00lin", "no such characters"),
        ("line2", "first\nsecond", "no such characters"),
        ("postal_code", "\u202e123", "no such characters"),
    ],
)
def test_what_no_address_holds_is_refused_by_its_field(field: str, value: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        Address(**{"country": "DE", field: value})
    assert refused.value.field == field
