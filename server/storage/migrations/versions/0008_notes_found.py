"""Internal notes are found by the full-text search."""

import sqlalchemy as sa
from alembic import op

from server.storage.search import terms_of

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ADDED = (
    "CREATE TRIGGER message_terms_added AFTER INSERT ON message_terms BEGIN "
    "INSERT INTO message_search(rowid, terms) VALUES (new.id, new.terms); END"
)
_GONE = (
    "CREATE TRIGGER message_terms_gone AFTER DELETE ON message_terms BEGIN "
    "INSERT INTO message_search(message_search, rowid, terms) VALUES ('delete', old.id, old.terms); END"
)


def upgrade() -> None:
    """Apply the change."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(with_event=True)
        op.execute(_ADDED)
        _index_notes()
    else:
        op.alter_column("message_terms", "seq", nullable=True)
        op.add_column("message_terms", sa.Column("event", sa.Integer(), nullable=True))
        op.create_foreign_key(
            "fk_message_terms_event", "message_terms", "desk_events", ["event"], ["event"], ondelete="CASCADE"
        )
        _index_notes()
    op.create_index("ix_message_terms_event", "message_terms", ["event"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_message_terms_event", "message_terms")
    op.execute("DELETE FROM message_terms WHERE seq IS NULL")
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(with_event=False)
        op.execute(_ADDED)
    else:
        op.drop_column("message_terms", "event")
        op.alter_column("message_terms", "seq", nullable=False)


def _rebuild(*, with_event: bool) -> None:
    """SQLite changes no column in place. The rows keep their ids, which the index over them knows them by."""
    op.execute("DROP TRIGGER message_terms_added")
    op.execute("DROP TRIGGER message_terms_gone")
    op.rename_table("message_terms", "message_terms_before")
    event = [
        sa.Column("event", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["event"], ["desk_events.event"], name="fk_message_terms_event", ondelete="CASCADE"),
    ]
    op.create_table(
        "message_terms",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("conversation", sa.String(40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=with_event),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation", "seq"],
            ["messages.conversation", "messages.seq"],
            name="fk_message_terms_conversation",
            ondelete="CASCADE",
        ),
        *(event if with_event else []),
        sa.PrimaryKeyConstraint("id", name="pk_message_terms"),
    )
    op.execute(
        "INSERT INTO message_terms (id, conversation, seq, terms) "
        "SELECT id, conversation, seq, terms FROM message_terms_before"
    )
    op.drop_table("message_terms_before")
    op.create_index("ix_message_terms_conversation_seq", "message_terms", ["conversation", "seq"])
    op.execute(_GONE)


def _index_notes() -> None:
    events = sa.table(
        "desk_events", sa.column("event"), sa.column("conversation"), sa.column("kind"), sa.column("frame", sa.JSON)
    )
    terms = sa.table("message_terms", sa.column("conversation"), sa.column("event"), sa.column("terms"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(events).where(events.c.kind == "message").order_by(events.c.event)).all():
        found = terms_of(row.frame.get("text") or "") if row.frame.get("role") == "note" else ""
        if found:
            connection.execute(terms.insert().values(conversation=row.conversation, event=row.event, terms=found))
