"""The review list: messages to look at, groups of similar ones, and labels."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "review_clusters",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("ranking", sa.JSON(), nullable=False),
        sa.Column("oos", sa.Float(), nullable=False),
        sa.Column("updated", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_clusters")),
    )
    op.create_index(op.f("ix_review_clusters_size"), "review_clusters", ["size"])
    op.create_table(
        "review_items",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("conversation", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("bot_text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("intent", sa.String(length=64), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("ranking", sa.JSON(), nullable=False),
        sa.Column("entities", sa.JSON(), nullable=False),
        sa.Column("oos", sa.Float(), nullable=False),
        sa.Column("why", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(length=40), nullable=True),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("cluster", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_review_items_conversation")),
        sa.ForeignKeyConstraint(["cluster"], ["review_clusters.id"], name=op.f("fk_review_items_cluster")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_items")),
        sa.UniqueConstraint("conversation", "seq", name=op.f("uq_review_items_conversation_seq")),
    )
    op.create_index(op.f("ix_review_items_state_id"), "review_items", ["state", "id"])
    op.create_index(op.f("ix_review_items_state_cluster_id"), "review_items", ["state", "cluster", "id"])
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("conversation", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_key", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("intent", sa.String(length=64), nullable=True),
        sa.Column("entities", sa.JSON(), nullable=False),
        sa.Column("why", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("batch", sa.String(length=32), nullable=False),
        sa.Column("ended_by", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["item"], ["review_items.id"], name=op.f("fk_labels_item")),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name=op.f("fk_labels_conversation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
    )
    for columns in (["item"], ["text_key"], ["batch"], ["state", "id"]):
        op.create_index(op.f(f"ix_labels_{'_'.join(columns)}"), "labels", columns)


def downgrade() -> None:
    """Take the change back."""
    for table in ("labels", "review_items", "review_clusters"):
        op.drop_table(table)
