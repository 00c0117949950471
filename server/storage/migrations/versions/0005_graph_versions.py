"""The fault-tree graph: versions, drafts, regression cases, outcomes of diagnoses."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "graph_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("of", sa.Integer(), nullable=True),
        sa.Column("overridden", sa.Text(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_graph_versions")),
    )
    op.create_index(op.f("ix_graph_versions_digest"), "graph_versions", ["digest"])
    op.create_table(
        "graph_drafts",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("updated", sa.String(length=32), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("content_revision", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_graph_drafts")),
    )
    op.create_table(
        "graph_draft_operations",
        sa.Column("draft", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("operations", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["draft"], ["graph_drafts.id"], name=op.f("fk_graph_draft_operations_draft")),
        sa.PrimaryKeyConstraint("draft", "revision", name=op.f("pk_graph_draft_operations")),
    )
    op.create_table(
        "graph_cases",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("symptom", sa.String(length=100), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("expect", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_graph_cases")),
    )
    op.create_table(
        "graph_outcomes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("conversation", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("symptom", sa.String(length=100), nullable=False),
        sa.Column("fault", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_graph_outcomes_conversation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_graph_outcomes")),
    )
    op.create_index(op.f("ix_graph_outcomes_conversation"), "graph_outcomes", ["conversation"])
    op.create_index(op.f("ix_graph_outcomes_at"), "graph_outcomes", ["at"])


def downgrade() -> None:
    """Take the change back."""
    for table in ("graph_outcomes", "graph_cases", "graph_draft_operations", "graph_drafts", "graph_versions"):
        op.drop_table(table)
