"""An account's postal address, for its invoices and the tax on them."""

import unicodedata
from dataclasses import asdict, dataclass, fields

from billing.core.errors import Invalid
from billing.core.i18n import gettext as _

_LONGEST = 200


@dataclass(frozen=True)
class Address:
    """A postal address in Stripe's words; `country` is its code of two letters (ISO 3166-1), all else may be empty.

    Blanks around what was entered are dropped. Raises Invalid, which names the field, for what no address holds.
    """

    country: str
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""

    def __post_init__(self) -> None:
        for each in fields(self):
            entered = getattr(self, each.name).strip()
            if len(entered) > _LONGEST:
                raise Invalid(_("That is longer than an address can be."), field=each.name)
            if any(unicodedata.category(character).startswith("C") for character in entered):
                raise Invalid(_("An address has no such characters."), field=each.name)
            object.__setattr__(self, each.name, entered)
        country = self.country.upper()
        if not (len(country) == 2 and country.isascii() and country.isalpha()):
            raise Invalid(_("Choose a country."), field="country")
        object.__setattr__(self, "country", country)

    def to_json(self) -> dict[str, str]:
        """As Stripe takes it; what is empty is told as well, so that an earlier address leaves nothing behind."""
        return asdict(self)
