"""The figures' sums, and what each conversation adds to them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_index("ix_conversations_updated", "conversations", ["updated"])
    op.create_table(
        "figures_facts",
        sa.Column("conversation", sa.String(length=40), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("matters", sa.JSON(), nullable=False),
        sa.Column("customer", sa.String(length=100), nullable=True),
        sa.Column("began", sa.String(length=32), nullable=False),
        sa.Column("last", sa.String(length=32), nullable=False),
        sa.Column("seen", sa.String(length=32), nullable=False),
        sa.Column("due", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_figures_facts_conversation")),
        sa.PrimaryKeyConstraint("conversation", name=op.f("pk_figures_facts")),
    )
    op.create_index("ix_figures_facts_due", "figures_facts", ["due"])
    op.create_index("ix_figures_facts_customer_last", "figures_facts", ["customer", "last"])
    op.create_table(
        "figures_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("day", "channel", "language", name=op.f("pk_figures_days")),
    )
    op.create_table(
        "figures_unanswered",
        sa.Column("conversation", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation"], ["conversations.id"], name=op.f("fk_figures_unanswered_conversation")
        ),
        sa.PrimaryKeyConstraint("conversation", "seq", name=op.f("pk_figures_unanswered")),
    )
    op.create_index("ix_figures_unanswered_day", "figures_unanswered", ["day"])
    op.create_table(
        "figures_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("watermark", sa.String(length=32), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figures_state")),
    )


def downgrade() -> None:
    """Take the change back."""
    for table in ("figures_state", "figures_unanswered", "figures_days", "figures_facts"):
        op.drop_table(table)
    op.drop_index("ix_conversations_updated", "conversations")
