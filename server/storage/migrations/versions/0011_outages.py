"""Notices of known outages, and which conversations were told of them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "outages",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("title", sa.JSON(), nullable=False),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.Column("everywhere", sa.Boolean(), nullable=False),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.Column("intents", sa.JSON(), nullable=False),
        sa.Column("symptoms", sa.JSON(), nullable=False),
        sa.Column("products", sa.JSON(), nullable=False),
        sa.Column("begins", sa.String(32), nullable=False),
        sa.Column("expected_end", sa.String(32), nullable=True),
        sa.Column("ended", sa.String(32), nullable=True),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("updated", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outages"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outages_ended", "outages", ["ended"])
    op.create_table(
        "outage_tellings",
        sa.Column("outage", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.String(40), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("intent", sa.String(64), nullable=False),
        sa.Column("over", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(["outage"], ["outages.id"], name="fk_outage_tellings_outage"),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_outage_tellings_conversation"),
        sa.PrimaryKeyConstraint("outage", "conversation", name="pk_outage_tellings"),
    )
    op.create_index("ix_outage_tellings_conversation", "outage_tellings", ["conversation"])
    op.create_index("ix_outage_tellings_over", "outage_tellings", ["over"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("outage_tellings")
    op.drop_table("outages")
