"""The tables. Times are ISO 8601 UTC strings, so that both databases keep and compare them alike."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("mode", String(10), nullable=False),
    Column("locale", String(5), nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("slots", JSON, nullable=False),
    Column("agent", String(64)),
    Column("customer", String(100)),
    Column("agent_read", Integer, nullable=False, default=0),
    Column("created", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
    Index(None, "mode", "updated"),
)

messages = Table(
    "messages",
    metadata,
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("role", String(10), nullable=False),
    Column("text", Text, nullable=False),
    Column("extra", JSON, nullable=False),
    Column("client_id", String(100)),
    Column("turn", Integer),
    Column("turn_index", Integer),
    Column("at", String(32), nullable=False),
    UniqueConstraint("conversation", "turn", "turn_index"),
)

client_actions = Table(
    "client_actions",
    metadata,
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("id", String(100), primary_key=True),
    Column("seq", Integer),
)
"""Ids made by clients, with the ``seq`` that was acknowledged: the same id is one action."""

turns = Table(
    "turns",
    metadata,
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("status", String(10), nullable=False),
    Column("record", JSON, nullable=False),
    Column("release", String(40)),
    Column("at", String(32), nullable=False),
    Index(None, "status"),
)

escalations = Table(
    "escalations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation", ForeignKey("conversations.id"), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("language", String(5), nullable=False),
    Column("summary", Text, nullable=False),
    Column("context", JSON, nullable=False),
    Column("state", String(10), nullable=False),
    Column("agent", String(64)),
    Column("since", String(32), nullable=False),
    Column("taken", String(32)),
    Column("ended", String(32)),
    Column("outcome", String(100)),
    Column("tags", JSON, nullable=False),
    Index(None, "state", "priority", "since"),
    Index(None, "conversation"),
)

desk_events = Table(
    "desk_events",
    metadata,
    Column("event", Integer, primary_key=True, autoincrement=True),
    Column("conversation", ForeignKey("conversations.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("frame", JSON, nullable=False),
    Column("at", String(32), nullable=False),
    Index(None, "conversation", "event"),
    sqlite_autoincrement=True,
)
"""The desk's stream. ``AUTOINCREMENT`` so that SQLite never gives a number twice."""

feedback = Table(
    "feedback",
    metadata,
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("id", String(100), primary_key=True),
    Column("seq", Integer),
    Column("score", Integer, nullable=False),
    Column("comment", Text, nullable=False),
    Column("at", String(32), nullable=False),
)

staff = Table(
    "staff",
    metadata,
    Column("username", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("role", String(12), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created", String(32), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("username", ForeignKey("staff.username"), nullable=False),
    Column("expires", String(32), nullable=False),
)
