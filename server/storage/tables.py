"""The tables. Times are ISO 8601 UTC strings, so that both databases keep and compare them alike."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
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
    Column("channel", String(20), nullable=False, default="web", server_default="web"),
    Column("account", String(100)),
    Column("contact", JSON),
    Column("customer_got", Integer, nullable=False, default=0, server_default="0"),
    Column("customer_read", Integer, nullable=False, default=0, server_default="0"),
    Index(None, "mode", "updated"),
    Index(None, "account", "created"),
    Index(None, "updated"),
)
"""``account``: whom the account back end knows the customer as, once they said so; it authorises nothing.
``customer`` is who an embedding site vouched for. ``customer_got`` and ``customer_read`` are the last ``seq`` that
reached the customer's screen and that they read."""

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
    Column("runner", String(40)),
    Index(None, "status"),
)
"""``runner``: the gateway that runs or ran it, where there are several."""

gateways = Table(
    "gateways",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("began", Float, nullable=False),
    Column("beat", Float, nullable=False),
    Column("desks", JSON, nullable=False),
)
"""The gateways over this database: when each last said that it lives, in seconds by PostgreSQL's clock, and the people
at its desks, ``{agent: [state, since]}``. Empty with SQLite."""

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
    Column("topic", String(64)),
    Column("skill", String(64)),
    Column("team", String(40)),
    Column("account", String(100)),
    Column("assignee", String(64)),
    Column("offered", String(32)),
    Column("passed", JSON, nullable=False, server_default="{}"),
    Column("unanswered", String(32)),
    Column("first_reply", String(32)),
    Column("snoozed_until", String(32)),
    Column("score", Integer),
    Column("solved", Boolean),
    Column("before", JSON, nullable=False, server_default="{}"),
    Column("ended_seq", Integer),
    Index(None, "state", "priority", "since"),
    Index(None, "conversation"),
    Index(None, "state", "agent"),
    Index(None, "account"),
    Index(None, "since"),
)
"""``state`` is ``waiting``, ``assigned``, ``snoozed`` or ``closed``. A waiting one may be offered: ``assignee`` has
been asked since ``offered``; ``passed`` says who let it pass when. ``unanswered``: since when the customer waits for an
answer. ``before`` holds the slots from before the turn that ended in the hand-over; ``ended_seq`` the conversation's
last ``seq`` when it ended."""

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

message_terms = Table(
    "message_terms",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation", String(40), nullable=False),
    Column("seq", Integer),
    Column("terms", Text, nullable=False),
    Column("event", ForeignKey("desk_events.event", ondelete="CASCADE")),
    ForeignKeyConstraint(["conversation", "seq"], ["messages.conversation", "messages.seq"], ondelete="CASCADE"),
    Index(None, "conversation", "seq"),
    Index(None, "event"),
)
"""What messages can be found by (`server.storage.search`), and notes: those have no ``seq`` but the ``event`` that
they are. The migration lays the full-text index over ``terms``."""

canned_replies = Table(
    "canned_replies",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("owner", String(64), nullable=False, server_default=""),
    Column("shortcut", String(40), nullable=False),
    Column("title", String(100), nullable=False),
    Column("text", JSON, nullable=False),
    Column("updated", String(32), nullable=False),
    UniqueConstraint("owner", "shortcut"),
)
"""``owner`` empty: everybody's."""

reviews = Table(
    "reviews",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation", ForeignKey("conversations.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("bot_text", Text, nullable=False),
    Column("understood", JSON, nullable=False),
    Column("intent", String(64)),
    Column("comment", Text, nullable=False),
    Column("language", String(5), nullable=False),
    Column("release", String(40)),
    Column("agent", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("state", String(12), nullable=False),
    UniqueConstraint("conversation", "seq"),
    Index(None, "state", "id"),
)
"""Bot messages that staff marked wrong, with what should have been understood."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("conversation", ForeignKey("conversations.id"), nullable=False),
    Column("agent", String(64)),
    Column("kind", String(20), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("at", String(32), nullable=False),
    Column("reading", JSON),
    Index(None, "conversation"),
)
"""Pictures; the files lie in the uploads folder under their ids. ``agent`` is null where the customer sent it,
``reading`` what stands in the picture, where it was read."""

feedback = Table(
    "feedback",
    metadata,
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("id", String(100), primary_key=True),
    Column("seq", Integer),
    Column("score", Integer, nullable=False),
    Column("comment", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("solved", Boolean),
    Index(None, "at"),
)
"""``score`` 0 where only ``solved`` was answered."""

staff = Table(
    "staff",
    metadata,
    Column("username", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("role", String(12), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created", String(32), nullable=False),
    Column("teams", JSON, nullable=False, server_default="[]"),
    Column("languages", JSON, nullable=False, server_default="[]"),
    Column("capacity", Integer),
)
"""``teams`` and ``languages`` empty: all of them; ``capacity`` null: the company's."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("username", ForeignKey("staff.username"), nullable=False),
    Column("expires", String(32), nullable=False),
    Column("issuer", String(300)),
)
"""``issuer``: who vouched for the person, where it was not a password."""

identities = Table(
    "identities",
    metadata,
    Column("issuer", String(300), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("username", ForeignKey("staff.username"), nullable=False),
)
"""The company's own accounts that staff accounts belong to. The subject is who somebody is; names change."""

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(40), nullable=False),
    Column("target", String(120), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "target"),
    Index(None, "actor"),
    sqlite_autoincrement=True,
)
"""Who changed and saw what. Triggers refuse changes and removals; each hash covers its row and the hash before it."""

content_lists = Table(
    "content_lists",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("lists", JSON, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)
"""The admins' versions of the content lists; the newest one rules."""

second_factors = Table(
    "second_factors",
    metadata,
    Column("username", ForeignKey("staff.username"), primary_key=True),
    Column("secret", String(64), nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("last_step", Integer, nullable=False),
)

new_intents = Table(
    "new_intents",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("author", String(64), nullable=False),
    Column("updated", String(32), nullable=False),
)
"""Intents defined between two trainings, with their examples."""

graph_versions = Table(
    "graph_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("author", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("parent", Integer),
    Column("origin", String(12), nullable=False),
    Column("of", Integer),
    Column("overridden", Text),
    Column("content", JSON, nullable=False),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("search", Text, nullable=False),
    Index(None, "digest"),
)
"""The fault-tree graph's versions; the highest one is in service. ``search`` holds message, author, and the ids and
names of the nodes that changed, in small letters."""

graph_drafts = Table(
    "graph_drafts",
    metadata,
    Column("id", String(20), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("base", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
    Column("content", JSON, nullable=False),
    Column("content_revision", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
)
"""``content`` is what the draft was at ``content_revision``; the operations since then lead to ``revision``."""

graph_draft_operations = Table(
    "graph_draft_operations",
    metadata,
    Column("draft", ForeignKey("graph_drafts.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("author", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("operations", JSON, nullable=False),
)

graph_cases = Table(
    "graph_cases",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("title", String(200), nullable=False),
    Column("symptom", String(100), nullable=False),
    Column("answers", JSON, nullable=False),
    Column("expect", JSON, nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)
"""Talks that every version that is published has to end as they did."""

graph_outcomes = Table(
    "graph_outcomes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation", ForeignKey("conversations.id"), nullable=False),
    Column("at", String(32), nullable=False),
    Column("symptom", String(100), nullable=False),
    Column("fault", String(100), nullable=False),
    Column("digest", String(16), nullable=False),
    Index(None, "conversation"),
    Index(None, "at"),
)
"""Which fault a diagnosis found that its customer called solved."""

review_clusters = Table(
    "review_clusters",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("language", String(5), nullable=False),
    Column("size", Integer, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("ranking", JSON, nullable=False),
    Column("oos", Float, nullable=False),
    Column("updated", String(32), nullable=False),
    Index(None, "size"),
)
"""Groups of similar messages on the review list: sums over those that joined, no words of any."""

review_items = Table(
    "review_items",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation", ForeignKey("conversations.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("bot_text", Text, nullable=False),
    Column("language", String(5), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("intent", String(64)),
    Column("confidence", Float, nullable=False),
    Column("ranking", JSON, nullable=False),
    Column("entities", JSON, nullable=False),
    Column("oos", Float, nullable=False),
    Column("why", Integer, nullable=False),
    Column("release", String(40)),
    Column("at", String(32), nullable=False),
    Column("state", String(12), nullable=False),
    Column("cluster", ForeignKey("review_clusters.id")),
    UniqueConstraint("conversation", "seq"),
    Index(None, "state", "id"),
    Index(None, "state", "cluster", "id"),
)
"""Customers' messages that somebody should look at, masked. ``why`` has a bit for each reason; ``state`` is ``open``,
``labelled``, ``conflict`` or ``ignored``; ``cluster`` is null until the grouping came to it."""

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("item", ForeignKey("review_items.id"), nullable=False),
    Column("conversation", ForeignKey("conversations.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("text_key", String(32), nullable=False),
    Column("language", String(5), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("intent", String(64)),
    Column("entities", JSON, nullable=False),
    Column("why", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("state", String(12), nullable=False),
    Column("batch", String(32), nullable=False),
    Column("ended_by", String(32)),
    Index(None, "item"),
    Index(None, "text_key"),
    Index(None, "batch"),
    Index(None, "state", "id"),
)
"""What people say that messages mean. ``state``: ``accepted``, ``conflict`` (others say otherwise), ``overruled`` or
``withdrawn``; ``batch`` is the act that made it, ``ended_by`` the act that ended it: either can be taken back."""

figures_facts = Table(
    "figures_facts",
    metadata,
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("day", String(10), nullable=False),
    Column("channel", String(10), nullable=False),
    Column("language", String(5), nullable=False),
    Column("counts", JSON, nullable=False),
    Column("matters", JSON, nullable=False),
    Column("customer", String(100)),
    Column("began", String(32), nullable=False),
    Column("last", String(32), nullable=False),
    Column("seen", String(32), nullable=False),
    Column("due", String(32)),
    Index(None, "due"),
    Index(None, "customer", "last"),
)
"""What each conversation adds to its day's figures. ``seen`` is the conversation's ``updated`` that was counted,
``due`` when time alone will change what it counts for."""

figures_days = Table(
    "figures_days",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("channel", String(10), primary_key=True),
    Column("language", String(5), primary_key=True),
    Column("counts", JSON, nullable=False),
)
"""The figures' sums by day in the company's time zone; `server.gateway.figures_outcome` says what is counted."""

figures_unanswered = Table(
    "figures_unanswered",
    metadata,
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("day", String(10), nullable=False),
    Column("channel", String(10), nullable=False),
    Column("language", String(5), nullable=False),
    Column("text", Text, nullable=False),
    Index(None, "day"),
)
"""What customers wrote and the bot could not answer, without personal data."""

figures_state = Table(
    "figures_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("watermark", String(32), nullable=False),
    Column("complete", Boolean, nullable=False),
)
"""One row: changes up to ``watermark`` are counted; not ``complete`` while the figures are counted anew."""

outages = Table(
    "outages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("revision", Integer, nullable=False),
    Column("title", JSON, nullable=False),
    Column("text", JSON, nullable=False),
    Column("everywhere", Boolean, nullable=False),
    Column("places", JSON, nullable=False),
    Column("areas", JSON, nullable=False),
    Column("intents", JSON, nullable=False),
    Column("symptoms", JSON, nullable=False),
    Column("products", JSON, nullable=False),
    Column("begins", String(32), nullable=False),
    Column("expected_end", String(32)),
    Column("ended", String(32)),
    Column("author", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
    Index(None, "ended"),
    sqlite_autoincrement=True,
)
"""Notices of known outages (`server.outages`)."""

outage_tellings = Table(
    "outage_tellings",
    metadata,
    Column("outage", ForeignKey("outages.id"), primary_key=True),
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("at", String(32), nullable=False),
    Column("intent", String(64), nullable=False),
    Column("over", String(32)),
    Index(None, "conversation"),
    Index(None, "over"),
)
"""Who was told of what; ``over``: when they were told that it has ended, ``intent``: the trouble they came with."""

company_settings = Table(
    "company_settings",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("author", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("origin", String(12), nullable=False),
    Column("of", Integer),
    Column("content", JSON, nullable=False),
)
"""The company's settings that the console changes; the highest version is in force."""

proposal_runs = Table(
    "proposal_runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("title", String(200), nullable=False),
    Column("source", String(10), nullable=False),
    Column("text", Text, nullable=False),
    Column("tickets", JSON, nullable=False),
    Column("pieces", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("failure", String(40), nullable=False),
    Column("thrown", JSON, nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("beat", String(32), nullable=False),
    Index(None, "state"),
    sqlite_autoincrement=True,
)
"""What a language model reads for proposals: a manual's ``text``, or the conversations in ``tickets``. ``state`` is
``running``, ``done``, ``stopped`` or ``failed``; ``beat`` is when the gateway that works on it last said so."""

proposals = Table(
    "proposals",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", ForeignKey("proposal_runs.id"), nullable=False),
    Column("conversation", ForeignKey("conversations.id")),
    Column("kind", String(12), nullable=False),
    Column("node", String(100), nullable=False),
    Column("about", String(100), nullable=False),
    Column("data", JSON, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("by", String(64), nullable=False),
    Column("decided", String(32)),
    UniqueConstraint("run", "node"),
    Index(None, "conversation"),
)
"""Nodes with the sentence that each comes from, until somebody has accepted or refused it."""

library_versions = Table(
    "library_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("author", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("origin", String(12), nullable=False),
    Column("of", Integer),
    Column("changes", JSON, nullable=False),
    Column("search", Text, nullable=False),
)
"""The versions of the help articles; the highest one is in service. ``changes`` is a list of ``{"id", "change",
"title"}``, ``search`` holds message, author and what changed, in small letters."""

article_revisions = Table(
    "article_revisions",
    metadata,
    Column("article", String(64), primary_key=True),
    Column("version", ForeignKey("library_versions.version"), primary_key=True),
    Column("content", JSON(none_as_null=True)),
)
"""What an article became with a version; null where that version removed it. A version of the library is the newest
revision of each article up to it."""

article_drafts = Table(
    "article_drafts",
    metadata,
    Column("article", String(64), primary_key=True),
    Column("base", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("content", JSON(none_as_null=True)),
    Column("author", String(64), nullable=False),
    Column("at", String(32), nullable=False),
)
"""``base``: the version of the article's newest revision when the draft began, 0 for a new one; ``content`` null: the
article is to be removed."""

article_uses = Table(
    "article_uses",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation", ForeignKey("conversations.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("article", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    UniqueConstraint("conversation", "seq", "article"),
    Index(None, "article", "at"),
)
"""Which article a turn's answer cited; ``seq`` is the customer's message."""

experiments = Table(
    "experiments",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String(200), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("target", String(100), nullable=False),
    Column("variant", JSON, nullable=False),
    Column("share", Float, nullable=False),
    Column("metric", String(12), nullable=False),
    Column("effect", Float, nullable=False),
    Column("salt", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("author", String(64), nullable=False),
    Column("started", String(32), nullable=False),
    Column("ended", String(32)),
    Column("ended_by", String(64)),
    Column("result", JSON),
    sqlite_autoincrement=True,
)
"""Two variants of something, A as it is and B as ``variant`` says. ``state``: ``running``, ``stopped`` or ``adopted``
(B for everybody); ``result`` is what was known when it ended."""

experiment_units = Table(
    "experiment_units",
    metadata,
    Column("experiment", ForeignKey("experiments.id"), primary_key=True),
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("unit", String(64), nullable=False),
    Column("variant", String(1), nullable=False),
    Column("at", String(32), nullable=False),
    Index(None, "conversation"),
)
"""Which conversations met an experiment, with which variant. ``unit``: a hash of the customer, where known, else of the
conversation."""

trainings = Table(
    "trainings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("state", String(12), nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
    Column("ended", String(32)),
    Column("progress", Float, nullable=False),
    Column("doing", Text, nullable=False),
    Column("base", String(40), nullable=False),
    Column("release", String(40)),
    Column("company", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("problem", Text),
    Column("result", JSON),
    Index(None, "state"),
    sqlite_autoincrement=True,
)
"""Retrainings from the console. ``state`` is ``running``, ``done``, ``failed`` or ``cancelled``; ``company`` the folder
that was learnt from; ``result`` the comparison with ``base``, the release that was in service, and the verdict."""

release_changes = Table(
    "release_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("ended", String(32)),
    Column("release", String(40), nullable=False),
    Column("company", Text),
    Column("before", String(40)),
    Column("kind", String(12), nullable=False),
    Column("author", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("training", Integer),
    Column("state", String(12), nullable=False),
    Column("problem", Text),
    Index(None, "state"),
    sqlite_autoincrement=True,
)
"""What came into service when and by whom. ``kind`` is ``start``, ``promotion`` or ``rollback``; ``company`` the folder
that it is run from, null for the company's own files; ``state`` is ``asked``, ``done`` or ``failed``."""
