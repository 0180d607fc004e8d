"""The tables of discounts, entitlements and schedules, of refunds, disputes and credit notes, and of meter errors."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_terms()
    _create_money()


def _create_terms() -> None:
    _create_mirror(
        "coupons",
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("percent_off", sa.Double(), nullable=True),
        sa.Column("amount_off", BIG, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("duration", sa.String(length=20), nullable=True),
        sa.Column("duration_in_months", BIG, nullable=True),
        sa.Column("redeem_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
    )
    _create_mirror(
        "promotion_codes",
        sa.Column("coupon_id", BIG, sa.ForeignKey("billing_coupons.id"), nullable=False),
        sa.Column("code", sa.String(length=500), nullable=False),
        sa.Column("customer", sa.String(length=255), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        indexes=["coupon_id"],
    )
    _create_mirror(
        "active_entitlements",
        sa.Column("customer_id", BIG, sa.ForeignKey("billing_customers.id"), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        indexes=["customer_id"],
    )
    _create_mirror(
        "subscription_schedules",
        sa.Column("customer_id", BIG, sa.ForeignKey("billing_customers.id"), nullable=False),
        sa.Column("subscription", sa.String(length=255), nullable=True),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("end_behavior", sa.String(length=40), nullable=False),
        sa.Column("phase_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phase_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phases", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        indexes=["customer_id", "subscription"],
    )


def _create_money() -> None:
    _create_mirror(
        "refunds",
        sa.Column("customer_id", BIG, sa.ForeignKey("billing_customers.id"), nullable=True),
        sa.Column("charge", sa.String(length=255), nullable=True),
        sa.Column("payment_intent", sa.String(length=255), nullable=True),
        sa.Column("status", sa.String(length=40), nullable=True),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("failure_reason", sa.String(length=60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        indexes=["customer_id", "charge", "payment_intent"],
    )
    _create_mirror(
        "disputes",
        sa.Column("customer_id", BIG, sa.ForeignKey("billing_customers.id"), nullable=True),
        sa.Column("charge", sa.String(length=255), nullable=False),
        sa.Column("payment_intent", sa.String(length=255), nullable=True),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submission_count", BIG, nullable=False),
        sa.Column("is_charge_refundable", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        indexes=["customer_id", "charge", "payment_intent"],
    )
    _create_mirror(
        "fraud_warnings",
        sa.Column("customer_id", BIG, sa.ForeignKey("billing_customers.id"), nullable=True),
        sa.Column("charge", sa.String(length=255), nullable=False),
        sa.Column("payment_intent", sa.String(length=255), nullable=True),
        sa.Column("fraud_type", sa.String(length=60), nullable=False),
        sa.Column("is_actionable", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        indexes=["customer_id", "charge", "payment_intent"],
    )
    _create_mirror(
        "credit_notes",
        sa.Column("customer_id", BIG, sa.ForeignKey("billing_customers.id"), nullable=False),
        sa.Column("invoice_id", BIG, sa.ForeignKey("billing_invoices.id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("subtotal", BIG, nullable=False),
        sa.Column("total", BIG, nullable=False),
        sa.Column("out_of_band_amount", BIG, nullable=True),
        sa.Column("refunds", sa.JSON(), nullable=False),
        sa.Column("pdf_url", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        indexes=["customer_id", "invoice_id"],
    )
    _create_mirror(
        "meter_errors",
        sa.Column("meter", sa.String(length=255), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        indexes=["meter"],
    )


def _create_mirror(name: str, *columns: sa.Column[Any], indexes: Sequence[str] = ()) -> None:
    """A table of what mirrors an object of Stripe's (core/mirror.py), and an index on each of these columns."""
    table = f"billing_{name}"
    for column in columns:
        for key in column.foreign_keys:
            key.name = op.f(f"fk_{table}_{column.name}")
    op.create_table(
        table,
        *columns,
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("stripe_id", name=op.f(f"uq_{table}_stripe_id")),
    )
    for index in indexes:
        op.create_index(op.f(f"ix_{table}_{index}"), table, [index], unique=False)


def downgrade() -> None:
    for name in ("meter_errors", "credit_notes", "fraud_warnings", "disputes", "refunds"):
        op.drop_table(f"billing_{name}")
    for name in ("subscription_schedules", "active_entitlements", "promotion_codes", "coupons"):
        op.drop_table(f"billing_{name}")
