"""Teams: what kind an account is, memberships, invitations, seats to be looked at, plans sold by the seat."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("billing_accounts", sa.Column("kind", sa.String(20), server_default="personal", nullable=False))
    op.add_column("billing_plans", sa.Column("is_per_seat", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "billing_memberships",
        sa.Column("id", BIG, nullable=False),
        _account("billing_memberships", "team_id"),
        _account("billing_memberships", "person_id"),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("since_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_memberships")),
        sa.UniqueConstraint("team_id", "person_id", name=op.f("uq_billing_memberships_team_id_person_id")),
    )
    op.create_index(op.f("ix_billing_memberships_person_id"), "billing_memberships", ["person_id"])
    op.create_table(
        "billing_invitations",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        _account("billing_invitations", "team_id"),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("invited_by", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("accepted_at", MOMENT, nullable=True),
        _account("billing_invitations", "accepted_by", ondelete="SET NULL"),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_billing_invitations_token_hash")),
        sa.UniqueConstraint("uid", name=op.f("uq_billing_invitations_uid")),
    )
    op.create_index(op.f("ix_billing_invitations_team_id"), "billing_invitations", ["team_id"])
    waits = sa.text("accepted_at IS NULL AND revoked_at IS NULL")
    op.create_index(
        "uq_billing_invitations_waiting",
        "billing_invitations",
        ["team_id", "email"],
        unique=True,
        sqlite_where=waits,
        postgresql_where=waits,
    )
    op.create_table(
        "billing_seat_checks",
        _account("billing_seat_checks", "team_id"),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_billing_seat_checks")),
    )
    op.create_index(op.f("ix_billing_seat_checks_next_try_at"), "billing_seat_checks", ["next_try_at"])


def _account(table: str, column: str, *, ondelete: str = "CASCADE") -> sa.Column[int]:
    key = sa.ForeignKey("billing_accounts.id", ondelete=ondelete, name=op.f(f"fk_{table}_{column}"))
    return sa.Column(column, BIG, key, nullable=ondelete == "SET NULL")


def downgrade() -> None:
    for name in ("seat_checks", "invitations", "memberships"):
        op.drop_table(f"billing_{name}")
    op.drop_column("billing_plans", "is_per_seat")
    op.drop_column("billing_accounts", "kind")
