"""Proposals for the knowledge graph that a language model drew from manuals and tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "proposal_runs",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tickets", sa.JSON(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("failure", sa.String(40), nullable=False),
        sa.Column("thrown", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("beat", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_proposal_runs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_proposal_runs_state", "proposal_runs", ["state"])
    op.create_table(
        "proposals",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.String(40), nullable=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("node", sa.String(100), nullable=False),
        sa.Column("about", sa.String(100), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("decided", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["proposal_runs.id"], name="fk_proposals_run"),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_proposals_conversation"),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
        sa.UniqueConstraint("run", "node", name="uq_proposals_run_node"),
    )
    op.create_index("ix_proposals_conversation", "proposals", ["conversation"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("proposals")
    op.drop_table("proposal_runs")
