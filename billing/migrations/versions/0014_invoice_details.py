"""The name and e-mail address invoices say, where the person chose others than the host knows."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("billing_accounts", sa.Column("invoice_name", sa.String(length=255), nullable=True))
    op.add_column("billing_accounts", sa.Column("invoice_email", sa.String(length=255), nullable=True))


def downgrade() -> None:
    op.drop_column("billing_accounts", "invoice_email")
    op.drop_column("billing_accounts", "invoice_name")
