"""Whatever is kept of an account is handed out with its export and goes with its deletion, or a reason says why not."""

from importlib import import_module

from billing.sync import account_data


def test_every_table_is_an_accounts_or_nobodys() -> None:
    import_module("billing.extension")  # which declares every table there is
    assert account_data.unplaced() == []
    assert {"billing_invoices", "billing_invoice_lines", "billing_refunds"} <= set(account_data.exported_names())
