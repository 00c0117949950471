"""The desk: routing, snoozing, ratings, canned replies, reviews, pictures, full-text search."""

import sqlalchemy as sa
from alembic import op

from server.storage.search import terms_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BATCH = 1000


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("conversations") as table:
        table.add_column(sa.Column("channel", sa.String(20), nullable=False, server_default="web"))
        table.add_column(sa.Column("account", sa.String(100), nullable=True))
        table.add_column(sa.Column("contact", sa.JSON(), nullable=True))
        table.add_column(sa.Column("customer_got", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("customer_read", sa.Integer(), nullable=False, server_default="0"))
        table.create_index("ix_conversations_account_created", ["account", "created"])
    with op.batch_alter_table("escalations") as table:
        for name, kind in (
            ("topic", sa.String(64)),
            ("skill", sa.String(64)),
            ("team", sa.String(40)),
            ("account", sa.String(100)),
            ("assignee", sa.String(64)),
            ("offered", sa.String(32)),
            ("unanswered", sa.String(32)),
            ("first_reply", sa.String(32)),
            ("snoozed_until", sa.String(32)),
            ("score", sa.Integer()),
            ("solved", sa.Boolean()),
            ("ended_seq", sa.Integer()),
        ):
            table.add_column(sa.Column(name, kind, nullable=True))
        for name in ("passed", "before"):
            table.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default="{}"))
        table.create_index("ix_escalations_state_agent", ["state", "agent"])
        table.create_index("ix_escalations_account", ["account"])
        table.create_index("ix_escalations_since", ["since"])
    with op.batch_alter_table("staff") as table:
        for name in ("teams", "languages"):
            table.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("capacity", sa.Integer(), nullable=True))
    with op.batch_alter_table("feedback") as table:
        table.add_column(sa.Column("solved", sa.Boolean(), nullable=True))
        table.create_index("ix_feedback_at", ["at"])
    _new_tables()
    _full_text()


def _new_tables() -> None:
    op.create_table(
        "canned_replies",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False, server_default=""),
        sa.Column("shortcut", sa.String(40), nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.Column("updated", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_canned_replies"),
        sa.UniqueConstraint("owner", "shortcut", name="uq_canned_replies_owner_shortcut"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("conversation", sa.String(40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("bot_text", sa.Text(), nullable=False),
        sa.Column("understood", sa.JSON(), nullable=False),
        sa.Column("intent", sa.String(64), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("language", sa.String(5), nullable=False),
        sa.Column("release", sa.String(40), nullable=True),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_reviews_conversation"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sa.UniqueConstraint("conversation", "seq", name="uq_reviews_conversation_seq"),
    )
    op.create_index("ix_reviews_state_id", "reviews", ["state", "id"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("conversation", sa.String(40), nullable=False),
        sa.Column("agent", sa.String(64), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversations.id"], name="fk_uploads_conversation"),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_index("ix_uploads_conversation", "uploads", ["conversation"])
    op.create_table(
        "message_terms",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("conversation", sa.String(40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation", "seq"],
            ["messages.conversation", "messages.seq"],
            name="fk_message_terms_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_message_terms"),
    )
    op.create_index("ix_message_terms_conversation_seq", "message_terms", ["conversation", "seq"])


def _full_text() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE message_search USING fts5"
            "(terms, content='message_terms', content_rowid='id', tokenize='unicode61')"
        )
        op.execute(
            "CREATE TRIGGER message_terms_added AFTER INSERT ON message_terms BEGIN "
            "INSERT INTO message_search(rowid, terms) VALUES (new.id, new.terms); END"
        )
        op.execute(
            "CREATE TRIGGER message_terms_gone AFTER DELETE ON message_terms BEGIN "
            "INSERT INTO message_search(message_search, rowid, terms) VALUES ('delete', old.id, old.terms); END"
        )
    else:
        op.execute(
            "CREATE INDEX ix_message_terms_terms ON message_terms USING gin (to_tsvector('simple'::regconfig, terms))"
        )
    messages = sa.table("messages", sa.column("conversation"), sa.column("seq"), sa.column("role"), sa.column("text"))
    terms = sa.table("message_terms", sa.column("conversation"), sa.column("seq"), sa.column("terms"))
    rows = connection.execute(
        sa.select(messages.c.conversation, messages.c.seq, messages.c.text).where(messages.c.role != "system")
    )
    for batch in rows.partitions(_BATCH):
        found = [{"conversation": row[0], "seq": row[1], "terms": terms_of(row[2])} for row in batch]
        connection.execute(sa.insert(terms), found)


def downgrade() -> None:
    """Take the change back."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE message_search")
    for name in ("message_terms", "uploads", "reviews", "canned_replies"):
        op.drop_table(name)
    with op.batch_alter_table("feedback") as table:
        table.drop_index("ix_feedback_at")
        table.drop_column("solved")
    with op.batch_alter_table("staff") as table:
        for name in ("capacity", "languages", "teams"):
            table.drop_column(name)
    with op.batch_alter_table("escalations") as table:
        for name in ("ix_escalations_since", "ix_escalations_account", "ix_escalations_state_agent"):
            table.drop_index(name)
        for name in (
            "before", "passed", "ended_seq", "solved", "score", "snoozed_until", "first_reply", "unanswered",
            "offered", "assignee", "account", "team", "skill", "topic",
        ):  # fmt: skip
            table.drop_column(name)
    with op.batch_alter_table("conversations") as table:
        table.drop_index("ix_conversations_account_created")
        for name in ("customer_read", "customer_got", "contact", "account", "channel"):
            table.drop_column(name)
