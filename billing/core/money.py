"""Money: an integer in Stripe's minor units, a currency, and how people read it.

Stripe's exponents differ from ISO 4217 and CLDR: ISK and UGX travel as two-decimal amounts although nobody
writes their decimals, and HUF and TWD are two-decimal for charges. So there are two tables: the wire's, below,
and CLDR's (through Babel) for display. Source: https://docs.stripe.com/currencies
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import format_currency

_ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())  # noqa: SIM905  # a table of codes reads best as words
_THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())  # noqa: SIM905  # as above

# CLDR keeps a currency's letters and the digits apart, a rule that Babel leaves out.
# Source: https://www.unicode.org/reports/tr35/tr35-numbers.html#Currencies
_SYMBOL_TOUCHES_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


def exponent(currency: str) -> int:
    """How many decimal digits Stripe's minor unit of `currency` (ISO code, any case) stands for."""
    code = currency.lower()
    if code in _ZERO_DECIMAL:
        return 0
    return 3 if code in _THREE_DECIMAL else 2


@dataclass(frozen=True)
class Money:
    """An amount as Stripe sends it: `amount` in minor units, `currency` a lower-case ISO code."""

    amount: int
    currency: str

    def to_decimal(self) -> Decimal:
        """The amount in major units, exactly: Money(1250, "usd") is Decimal("12.50")."""
        return Decimal(self.amount).scaleb(-exponent(self.currency))

    def format(self, locale: str = "en_US") -> str:
        """The amount as a reader in `locale` (a CLDR id) expects it: $12.50, 12,50 $, ¥1,250, CHF 12.50."""
        written = format_currency(self.to_decimal(), self.currency.upper(), locale=locale)
        return _SYMBOL_TOUCHES_DIGIT.sub("\xa0", written)

    def __neg__(self) -> "Money":
        """What takes the amount away again: discounts and credit are shown so."""
        return Money(-self.amount, self.currency)
