"""Which requests brought a mail about."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("billing_mails", sa.Column("request_ids", sa.JSON(), server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("billing_mails", "request_ids")
