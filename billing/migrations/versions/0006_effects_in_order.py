"""Effects of one subject follow each other; accounts have a postal address."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("billing_effects", sa.Column("subject", sa.String(length=255), nullable=True))
    op.add_column("billing_effects", sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True))
    for name, column, which in (
        ("ix_billing_effects_subject", "subject", sa.text("state = 'waiting'")),
        ("ix_billing_effects_claimed", "subject", sa.text("claimed_until IS NOT NULL")),
    ):
        op.create_index(name, "billing_effects", [column, "id"], sqlite_where=which, postgresql_where=which)
    op.add_column("billing_accounts", sa.Column("address", sa.JSON(), nullable=True))
    op.add_column("billing_account_changes", sa.Column("fields", sa.JSON(), nullable=False, server_default="[]"))
    op.execute("""UPDATE billing_account_changes SET fields = '["email", "name"]' WHERE number > told""")


def downgrade() -> None:
    op.drop_column("billing_account_changes", "fields")
    op.drop_column("billing_accounts", "address")
    op.drop_index("ix_billing_effects_claimed", "billing_effects")
    op.drop_index("ix_billing_effects_subject", "billing_effects")
    op.drop_column("billing_effects", "claimed_until")
    op.drop_column("billing_effects", "subject")
