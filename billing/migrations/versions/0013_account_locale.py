"""The locale an account's mails are written in."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("billing_accounts", sa.Column("locale", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("billing_accounts", "locale")
