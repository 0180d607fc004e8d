"""The tables of backfill, tail, drift and push."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "billing_account_changes",
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("told", BIG, nullable=False),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["billing_accounts.id"],
            name=op.f("fk_billing_account_changes_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_billing_account_changes")),
    )
    is_due = sa.text("next_try_at IS NOT NULL")
    op.create_index(
        "ix_billing_account_changes_due",
        "billing_account_changes",
        ["next_try_at"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )

    op.create_table(
        "billing_backfill_windows",
        sa.Column("id", BIG, nullable=False),
        sa.Column("noun", sa.String(length=40), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("created_from", BIG, nullable=False),
        sa.Column("created_to", BIG, nullable=False),
        sa.Column("cursor", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.Column("failed", BIG, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_backfill_windows")),
    )
    op.create_index(
        "ix_billing_backfill_windows_noun", "billing_backfill_windows", ["noun", "livemode", "state"], unique=False
    )

    op.create_table(
        "billing_tails",
        sa.Column("id", BIG, nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_tails")),
        sa.UniqueConstraint("livemode", name=op.f("uq_billing_tails_livemode")),
    )

    op.create_table(
        "billing_drift_runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("nouns", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("compared", BIG, nullable=False),
        sa.Column("differing", BIG, nullable=False),
        sa.Column("repaired", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_drift_runs")),
    )
    op.create_table(
        "billing_drift_findings",
        sa.Column("id", BIG, nullable=False),
        sa.Column("run_id", BIG, nullable=False),
        sa.Column("noun", sa.String(length=40), nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("cause", sa.String(length=40), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.Column("is_repaired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["billing_drift_runs.id"],
            name=op.f("fk_billing_drift_findings_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_drift_findings")),
    )
    op.create_index(op.f("ix_billing_drift_findings_run_id"), "billing_drift_findings", ["run_id"], unique=False)


def downgrade() -> None:
    op.drop_table("billing_drift_findings")
    op.drop_table("billing_drift_runs")
    op.drop_table("billing_tails")
    op.drop_table("billing_backfill_windows")
    op.drop_table("billing_account_changes")
