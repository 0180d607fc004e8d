"""The kinds of tax ids are Stripe's, each with its country and, where Stripe gives one, an example that it takes."""

from typing import get_args, get_type_hints

from stripe.params import CustomerCreateParamsTaxIdDatum

from billing.domain.customers import tax_ids
from billing.sandbox import tax_id_formats


def test_every_kind_stripe_takes_is_offered_and_no_other() -> None:
    choices = get_args(get_type_hints(CustomerCreateParamsTaxIdDatum)["type"])
    theirs = {kind for choice in choices for kind in get_args(choice)}
    assert theirs - tax_ids.KINDS == set()
    assert tax_ids.KINDS - theirs == set()


def test_each_is_offered_once_below_its_country() -> None:
    by_country = tax_ids.kinds_by_country()
    offered = [kind.type for kinds in by_country.values() for kind in kinds]
    assert sorted(offered) == sorted(tax_ids.KINDS)
    assert next(iter(by_country)) == "European Union"
    assert [kind.name for kind in by_country["Canada"]] == ["BN", "GST/HST", "PST BC", "PST MB", "PST SK", "QST"]


def test_the_examples_are_of_their_kinds() -> None:
    known = [tax_ids.kind(each) for each in tax_ids.KINDS]
    assert [kind for kind in known if kind.example and not tax_id_formats.is_plausible(kind.type, kind.example)] == []
