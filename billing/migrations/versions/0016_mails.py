"""The table of mails."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "billing_mails",
        sa.Column("id", BIG, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("to", sa.String(length=255), nullable=False),
        sa.Column("locale", sa.String(length=40), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("caused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["billing_accounts.id"],
            name=op.f("fk_billing_mails_account_id_billing_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_mails")),
        sa.UniqueConstraint("key", name=op.f("uq_billing_mails_key")),
    )
    op.create_index(op.f("ix_billing_mails_account_id"), "billing_mails", ["account_id"])
    op.create_index(op.f("ix_billing_mails_kind"), "billing_mails", ["kind"])
    waits = sa.text("state = 'waiting'")
    name = "ix_billing_mails_waiting"
    op.create_index(name, "billing_mails", ["next_try_at"], sqlite_where=waits, postgresql_where=waits)


def downgrade() -> None:
    op.drop_table("billing_mails")
