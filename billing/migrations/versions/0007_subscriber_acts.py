"""What pages of subscribers' own acts need: names, pauses, trials without a card, why a payment failed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ADDED: dict[str, list[sa.Column[Any]]] = {
    "billing_plans": [sa.Column("subscription_name", sa.String(length=100), nullable=False, server_default="default")],
    "billing_prices": [sa.Column("trial_needs_card", sa.Boolean(), nullable=False, server_default=sa.true())],
    "billing_subscriptions": [
        sa.Column("name", sa.String(length=100), nullable=False, server_default="default"),
        sa.Column("trial_end_behavior", sa.String(length=40), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pause_reason", sa.String(length=60), nullable=True),
        sa.Column("retention_coupon", sa.String(length=255), nullable=True),
    ],
    "billing_subscription_schedules": [sa.Column("resumes_at", sa.DateTime(timezone=True), nullable=True)],
    "billing_payments": [sa.Column("failure_code", sa.String(length=100), nullable=True)],
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        for column in columns:
            op.add_column(table, column)


def downgrade() -> None:
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column.name)
