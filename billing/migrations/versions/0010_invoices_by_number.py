"""An invoice is looked for by its number among one customer's, not among everybody's."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_billing_invoices_number", "billing_invoices")
    op.create_index("ix_billing_invoices_by_number", "billing_invoices", ["customer_id", "number"])


def downgrade() -> None:
    op.drop_index("ix_billing_invoices_by_number", "billing_invoices")
    op.create_index("ix_billing_invoices_number", "billing_invoices", ["number"])
