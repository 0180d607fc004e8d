"""The billing tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "billing_accounts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_accounts")),
        sa.UniqueConstraint("key", name=op.f("uq_billing_accounts_key")),
        sa.UniqueConstraint("uid", name=op.f("uq_billing_accounts_uid")),
    )
    op.create_index(op.f("ix_billing_accounts_email"), "billing_accounts", ["email"], unique=False)

    op.create_table(
        "billing_features",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_features")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_features_stripe_id")),
    )
    op.create_index(op.f("ix_billing_features_key"), "billing_features", ["key"], unique=False)

    op.create_table(
        "billing_plans",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rank", BIG, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("is_highlighted", sa.Boolean(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_plans")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_plans_stripe_id")),
    )
    op.create_index(op.f("ix_billing_plans_key"), "billing_plans", ["key"], unique=False)

    op.create_table(
        "billing_trials_taken",
        sa.Column("id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_trials_taken")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_billing_trials_taken_kind_value")),
    )
    op.create_table(
        "billing_webhook_events",
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=120), nullable=False),
        sa.Column("noun", sa.String(length=40), nullable=True),
        sa.Column("object_id", sa.String(length=255), nullable=True),
        sa.Column("customer", sa.String(length=255), nullable=True),
        sa.Column("lane", sa.String(length=300), nullable=True),
        sa.Column("account_id", BIG, nullable=True),
        sa.Column("api_version", sa.String(length=60), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.String(length=100), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=True),
        sa.Column("duration_ms", BIG, nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["billing_accounts.id"], name=op.f("fk_billing_webhook_events_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_webhook_events")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_webhook_events_stripe_id")),
    )
    op.create_index(op.f("ix_billing_webhook_events_customer"), "billing_webhook_events", ["customer"], unique=False)
    waits = sa.text("state IN ('received', 'failed')")
    for name, columns in (("due", ["next_try_at", "id"]), ("lane", ["lane"]), ("object", ["object_id"])):
        op.create_index(
            f"ix_billing_webhook_events_{name}",
            "billing_webhook_events",
            columns,
            sqlite_where=waits,
            postgresql_where=waits,
        )
    op.create_index("ix_billing_webhook_events_state", "billing_webhook_events", ["state", "id"])
    op.create_index("ix_billing_webhook_events_received", "billing_webhook_events", ["received_at", "id"])

    op.create_table(
        "billing_customers",
        sa.Column("account_id", BIG, nullable=True),
        sa.Column("named_account", sa.String(length=32), nullable=True),
        sa.Column("email", sa.String(length=512), nullable=True),
        sa.Column("name", sa.String(length=512), nullable=True),
        sa.Column("address", sa.JSON(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("balance", BIG, nullable=False),
        sa.Column("tax_ids", sa.JSON(), nullable=False),
        sa.Column("discount", sa.JSON(), nullable=True),
        sa.Column("default_payment_method", sa.String(length=255), nullable=True),
        sa.Column("is_delinquent", sa.Boolean(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["billing_accounts.id"], name=op.f("fk_billing_customers_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_customers")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_customers_stripe_id")),
    )
    op.create_index(
        "uq_billing_customers_living",
        "billing_customers",
        ["account_id", "livemode"],
        unique=True,
        sqlite_where=sa.text("is_deleted = 0"),
        postgresql_where=sa.text("NOT is_deleted"),
    )

    op.create_table(
        "billing_plan_features",
        sa.Column("plan_id", BIG, nullable=False),
        sa.Column("feature_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["feature_id"],
            ["billing_features.id"],
            name=op.f("fk_billing_plan_features_feature_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["billing_plans.id"], name=op.f("fk_billing_plan_features_plan_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", "feature_id", name=op.f("pk_billing_plan_features")),
    )
    op.create_index(op.f("ix_billing_plan_features_feature_id"), "billing_plan_features", ["feature_id"], unique=False)

    op.create_table(
        "billing_prices",
        sa.Column("plan_id", BIG, nullable=False),
        sa.Column("lookup_key", sa.String(length=200), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("unit_amount", BIG, nullable=False),
        sa.Column("interval", sa.String(length=10), nullable=False),
        sa.Column("interval_count", BIG, nullable=False),
        sa.Column("trial_days", BIG, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["billing_plans.id"], name=op.f("fk_billing_prices_plan_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_prices")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_prices_stripe_id")),
    )
    op.create_index(op.f("ix_billing_prices_lookup_key"), "billing_prices", ["lookup_key"], unique=False)
    op.create_index(op.f("ix_billing_prices_plan_id"), "billing_prices", ["plan_id"], unique=False)

    op.create_table(
        "billing_invoices",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("subscription_stripe_id", sa.String(length=255), nullable=True),
        sa.Column("number", sa.String(length=255), nullable=True),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("billing_reason", sa.String(length=60), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("subtotal", BIG, nullable=False),
        sa.Column("total", BIG, nullable=False),
        sa.Column("amount_due", BIG, nullable=False),
        sa.Column("amount_paid", BIG, nullable=False),
        sa.Column("amount_remaining", BIG, nullable=False),
        sa.Column("starting_balance", BIG, nullable=False),
        sa.Column("ending_balance", BIG, nullable=True),
        sa.Column("attempt_count", BIG, nullable=False),
        sa.Column("next_payment_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finalized_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hosted_url", sa.Text(), nullable=True),
        sa.Column("pdf_url", sa.Text(), nullable=True),
        sa.Column("customer_name", sa.String(length=512), nullable=True),
        sa.Column("customer_email", sa.String(length=512), nullable=True),
        sa.Column("customer_address", sa.JSON(), nullable=True),
        sa.Column("discounts", sa.JSON(), nullable=False),
        sa.Column("taxes", sa.JSON(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["billing_customers.id"], name=op.f("fk_billing_invoices_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_invoices")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_invoices_stripe_id")),
    )
    op.create_index(
        "ix_billing_invoices_history", "billing_invoices", ["customer_id", "created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_billing_invoices_number"), "billing_invoices", ["number"], unique=False)
    op.create_index(
        op.f("ix_billing_invoices_subscription_stripe_id"), "billing_invoices", ["subscription_stripe_id"], unique=False
    )

    op.create_table(
        "billing_payment_methods",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column("brand", sa.String(length=50), nullable=True),
        sa.Column("last4", sa.String(length=4), nullable=True),
        sa.Column("exp_month", BIG, nullable=True),
        sa.Column("exp_year", BIG, nullable=True),
        sa.Column("fingerprint", sa.String(length=100), nullable=True),
        sa.Column("is_detached", sa.Boolean(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["billing_customers.id"], name=op.f("fk_billing_payment_methods_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_payment_methods")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_payment_methods_stripe_id")),
    )
    op.create_index(
        op.f("ix_billing_payment_methods_customer_id"), "billing_payment_methods", ["customer_id"], unique=False
    )
    op.create_index(
        op.f("ix_billing_payment_methods_fingerprint"), "billing_payment_methods", ["fingerprint"], unique=False
    )

    op.create_table(
        "billing_subscriptions",
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("collection_method", sa.String(length=40), nullable=False),
        sa.Column("default_payment_method", sa.String(length=255), nullable=True),
        sa.Column("latest_invoice", sa.String(length=255), nullable=True),
        sa.Column("past_due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancellation", sa.JSON(), nullable=True),
        sa.Column("schedule", sa.String(length=255), nullable=True),
        sa.Column("discounts", sa.JSON(), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["billing_customers.id"], name=op.f("fk_billing_subscriptions_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_subscriptions")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_subscriptions_stripe_id")),
    )
    op.create_index(
        op.f("ix_billing_subscriptions_customer_id"), "billing_subscriptions", ["customer_id"], unique=False
    )

    op.create_table(
        "billing_invoice_lines",
        sa.Column("id", BIG, nullable=False),
        sa.Column("invoice_id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", BIG, nullable=True),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("price_stripe_id", sa.String(length=255), nullable=True),
        sa.Column("is_proration", sa.Boolean(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["invoice_id"],
            ["billing_invoices.id"],
            name=op.f("fk_billing_invoice_lines_invoice_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_invoice_lines")),
    )
    op.create_index(op.f("ix_billing_invoice_lines_invoice_id"), "billing_invoice_lines", ["invoice_id"], unique=False)

    op.create_table(
        "billing_payments",
        sa.Column("customer_id", BIG, nullable=True),
        sa.Column("invoice_id", BIG, nullable=True),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payment_intent", sa.String(length=255), nullable=True),
        sa.Column("payment_method", sa.String(length=255), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("as_of", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["billing_customers.id"], name=op.f("fk_billing_payments_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["billing_invoices.id"], name=op.f("fk_billing_payments_invoice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_payments")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_payments_stripe_id")),
    )
    op.create_index(op.f("ix_billing_payments_customer_id"), "billing_payments", ["customer_id"], unique=False)
    op.create_index(op.f("ix_billing_payments_invoice_id"), "billing_payments", ["invoice_id"], unique=False)
    op.create_index(op.f("ix_billing_payments_payment_intent"), "billing_payments", ["payment_intent"], unique=False)

    op.create_table(
        "billing_subscription_items",
        sa.Column("id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("subscription_id", BIG, nullable=False),
        sa.Column("price_stripe_id", sa.String(length=255), nullable=False),
        sa.Column("price_id", BIG, nullable=True),
        sa.Column("quantity", BIG, nullable=True),
        sa.Column("current_period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_period_end", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["price_id"], ["billing_prices.id"], name=op.f("fk_billing_subscription_items_price_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["billing_subscriptions.id"],
            name=op.f("fk_billing_subscription_items_subscription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_subscription_items")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_billing_subscription_items_stripe_id")),
    )
    op.create_index(
        op.f("ix_billing_subscription_items_price_id"), "billing_subscription_items", ["price_id"], unique=False
    )
    op.create_index(
        op.f("ix_billing_subscription_items_subscription_id"),
        "billing_subscription_items",
        ["subscription_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("billing_subscription_items")
    op.drop_table("billing_payments")
    op.drop_table("billing_invoice_lines")
    op.drop_table("billing_subscriptions")
    op.drop_table("billing_payment_methods")
    op.drop_table("billing_invoices")
    op.drop_table("billing_prices")
    op.drop_table("billing_plan_features")
    op.drop_table("billing_customers")
    op.drop_table("billing_webhook_events")
    op.drop_table("billing_trials_taken")
    op.drop_table("billing_plans")
    op.drop_table("billing_features")
    op.drop_table("billing_accounts")
