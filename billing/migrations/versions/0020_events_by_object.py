"""Staff find the events of an object by its id, whatever became of them."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_billing_webhook_events_by_object", "billing_webhook_events", ["object_id"])


def downgrade() -> None:
    op.drop_index("ix_billing_webhook_events_by_object", "billing_webhook_events")
