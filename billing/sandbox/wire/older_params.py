"""Parameters of API versions before the newest, under the names they have today.

A request that names no version goes by its account's, which may be old: it may use either name.
"""

from billing.sandbox.wire.form import Tree

_ENDIVE = "2026-09-30"
_PAYING = ("/v1/checkout/sessions", "/v1/payment_intents", "/v1/setup_intents")


def renamed(path: str, tree: Tree, version: str | None) -> Tree:
    """The request's parameters as the newest version calls them.

    https://docs.stripe.com/changelog/endive - `payment_method_types` became a filter of another name.
    """
    is_old = version is None or version[:10] < _ENDIVE
    if not is_old or "payment_method_types" not in tree or not path.startswith(_PAYING):
        return tree
    kept = {name: value for name, value in tree.items() if name != "payment_method_types"}
    return {**kept, "allowed_payment_method_types": tree["payment_method_types"]}
