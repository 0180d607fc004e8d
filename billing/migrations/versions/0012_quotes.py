"""The table of quotes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "billing_quotes",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("subscription", sa.String(length=255), nullable=False),
        sa.Column("lookup_key", sa.String(length=200), nullable=False),
        sa.Column("takes_effect", sa.String(length=20), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("was", sa.JSON(), nullable=False),
        sa.Column("prorated_at", MOMENT, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        *(sa.Column(name, BIG, nullable=False) for name in ("total", "due", "next_total")),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("claimed_until", MOMENT, nullable=True),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("invoice", sa.String(length=255), nullable=True),
        sa.Column("schedule", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["billing_accounts.id"], name=op.f("fk_billing_quotes_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_quotes")),
        sa.UniqueConstraint("uid", name=op.f("uq_billing_quotes_uid")),
    )
    for column in ("account_id", "subscription", "schedule"):
        op.create_index(f"ix_billing_quotes_{column}", "billing_quotes", [column])


def downgrade() -> None:
    op.drop_table("billing_quotes")
