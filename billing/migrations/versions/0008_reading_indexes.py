"""Indexes for what is read of one account, and for lists, however much there is."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_billing_customers_account_id", "billing_customers", ["account_id"])
    op.create_index("ix_billing_accounts_newest", "billing_accounts", ["created_at", "id"])
    by_status = ["customer_id", "status", "created_at", "id"]
    op.create_index("ix_billing_invoices_by_status", "billing_invoices", by_status)


def downgrade() -> None:
    op.drop_index("ix_billing_invoices_by_status", "billing_invoices")
    op.drop_index("ix_billing_accounts_newest", "billing_accounts")
    op.drop_index("ix_billing_customers_account_id", "billing_customers")
