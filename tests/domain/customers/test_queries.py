"""Finding the account somebody means."""

import pytest

from billing.core import db
from billing.core.errors import Conflict
from billing.domain.accounts import service as accounts
from billing.domain.accounts.service import AccountRef
from billing.domain.customers import queries
from tests.support.portal import Portal


def test_an_address_of_several_accounts_means_none_of_them(inside: Portal) -> None:
    with db.edge():
        for key in ("user:7", "user:8"):
            accounts.ensure(AccountRef(key, "Ada", "ada@example.com"))
    with pytest.raises(
        Conflict, match=r"Several accounts are called ada@example\.com\. Give the key or the id of one\."
    ):
        queries.find_account("ada@example.com")
    assert queries.find_account("user:8").key == "user:8"
