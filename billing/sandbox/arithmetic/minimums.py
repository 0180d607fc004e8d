"""The smallest amount that can be charged, by currency, in minor units.

Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts - for a currency that is not listed
Stripe converts into the account's own, which the sandbox does not.
"""

_MINIMUMS = {
    **dict.fromkeys("usd ars aud brl cad chf cop eur idr ils inr jpy krw nzd php rub sgd zar".split(), 50),  # noqa: SIM905  # a table of codes reads best as words
    "aed": 200,
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "thb": 1000,
}


def minimum(currency: str) -> int:
    """What a charge in `currency` (lower case) must come to at least."""
    return _MINIMUMS.get(currency, 1)
