"""The tables of the access policy, of grants, of allowances, and of the access that was noticed last."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("billing_plans", sa.Column("allowances", sa.JSON(), server_default="{}", nullable=False))
    op.create_table(
        "billing_access_policy",
        sa.Column("id", BIG, nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_access_policy")),
    )
    op.execute("INSERT INTO billing_access_policy (id, version) VALUES (1, 1)")
    op.create_table(
        "billing_access_rules",
        sa.Column("id", BIG, nullable=False),
        sa.Column("plan", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("feature", sa.String(length=80), nullable=False),
        sa.Column("grants", sa.Boolean(), nullable=False),
        sa.Column("grace_days", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_access_rules")),
        sa.UniqueConstraint("plan", "status", "feature", name=op.f("uq_billing_access_rules_plan_status_feature")),
    )
    op.create_table(
        "billing_grants",
        sa.Column("id", BIG, nullable=False),
        _account("billing_grants"),
        sa.Column("plan", sa.String(length=80), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("revoked_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_grants")),
    )
    op.create_index(op.f("ix_billing_grants_account_id"), "billing_grants", ["account_id"])
    op.create_table(
        "billing_allowance_counters",
        _account("billing_allowance_counters"),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("period_start", MOMENT, nullable=False),
        sa.Column("used", BIG, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", "period_start", name=op.f("pk_billing_allowance_counters")),
    )
    op.create_table(
        "billing_allowance_uses",
        _account("billing_allowance_uses"),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", "idempotency_key", name=op.f("pk_billing_allowance_uses")),
    )
    _create_noticed()


def _create_noticed() -> None:
    op.create_table(
        "billing_noticed_access",
        _account("billing_noticed_access"),
        sa.Column("access", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("policy", BIG, nullable=False),
        sa.Column("changes_at", MOMENT, nullable=True),
        sa.Column("number", BIG, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_billing_noticed_access")),
    )
    op.create_index(op.f("ix_billing_noticed_access_policy"), "billing_noticed_access", ["policy"])
    changes = sa.text("changes_at IS NOT NULL")
    op.create_index(
        "ix_billing_noticed_access_changes_at",
        "billing_noticed_access",
        ["changes_at"],
        sqlite_where=changes,
        postgresql_where=changes,
    )
    # Who has a customer is looked at once and told nothing, so that later changes have something to differ from.
    op.execute(
        "INSERT INTO billing_noticed_access (account_id, policy, number) "
        "SELECT DISTINCT account_id, 0, 0 FROM billing_customers WHERE account_id IS NOT NULL"
    )


def _account(table: str) -> sa.Column[int]:
    key = sa.ForeignKey("billing_accounts.id", ondelete="CASCADE", name=op.f(f"fk_{table}_account_id"))
    return sa.Column("account_id", BIG, key, nullable=False)


def downgrade() -> None:
    for name in ("noticed_access", "allowance_uses", "allowance_counters", "grants", "access_rules", "access_policy"):
        op.drop_table(f"billing_{name}")
    op.drop_column("billing_plans", "allowances")
