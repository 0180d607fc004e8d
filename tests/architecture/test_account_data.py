"""Whatever is kept of an account is handed out with its export and goes with its deletion, or a reason says why not."""

from importlib import import_module

from billing.sync import account_data, erasing


def test_every_table_is_an_accounts_or_nobodys() -> None:
    import_module("billing.extension")  # which declares every table there is
    assert account_data.unplaced() == []
    assert {"billing_invoices", "billing_invoice_lines", "billing_refunds"} <= set(account_data.exported_names())


def test_what_outlives_its_account_is_there_and_says_why() -> None:
    import_module("billing.extension")
    of_accounts = {part.table.name for part in account_data.parts(0)}
    assert erasing.KEPT.keys() - of_accounts == set()
    assert all(erasing.KEPT.values())
    for part in account_data.parts(0):  # no row that stays may refer to one that goes
        kept = part.table.name in erasing.KEPT
        theirs = {key.column.table.name for key in part.table.foreign_keys if key.ondelete is None}
        assert not kept or theirs & of_accounts <= erasing.KEPT.keys(), part.table.name
