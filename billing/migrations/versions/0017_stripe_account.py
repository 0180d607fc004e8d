"""Which of Stripe's accounts the local tables were filled from."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "billing_stripe_accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_stripe_accounts")),
        sa.UniqueConstraint("livemode", name=op.f("uq_billing_stripe_accounts_livemode")),
    )


def downgrade() -> None:
    op.drop_table("billing_stripe_accounts")
