"""The audit log only grows; one customer's data is found, exported and erased without a trace; old data goes."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from server.gateway.retention import Retention
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.customers import CustomerData, TooVagueError, blot_out
from server.storage.database import create_engine, migrate
from server.storage.store import Store
from server.storage.tables import (
    article_uses,
    figures_facts,
    figures_unanswered,
    graph_outcomes,
    labels,
    metadata,
    review_items,
    reviews,
    uploads,
)
from tests.unit.safety.conftest import Clock

NEEDLE = "19900004242"
SPACED = "199 0000 4242"
SECRET_WORDS = ("紫色的雨伞落在营业厅", "purple umbrella")


@pytest.fixture
async def store(settings: Settings, clock: Clock):
    engine = create_engine(settings.database_url)
    await migrate(engine)
    opened = Store(engine, clock)
    yield opened
    await opened.close()


@pytest.fixture
def data(store: Store, settings: Settings) -> CustomerData:
    return CustomerData(store, settings.uploads_dir, settings.logs_dir)


async def conversation(store: Store, name: str, said: str, *, customer: str | None = None) -> str:
    async with store.write() as tx:
        await tx.create_conversation(name, "zh", customer, {"dialogue": {"phone": NEEDLE if NEEDLE in said else ""}})
        await tx.claim(name, "c1")
        await tx.add_message(name, "customer", said, client_id="c1")
        await tx.add_turn(name, 1)
        await tx.finish_turn(name, 1, "done", {"parse": {"text": said}}, "r-1")
        await tx.add_escalation(
            name, reason="policy", priority=0, language="zh", summary=f"says: {said}", context={"parse": {"text": said}}
        )
        await tx.add_event(name, {"type": "escalation", "conversation": name, "summary": said})
        await tx.add_feedback(name, "f1", seq=1, score=1, comment=said, solved=None)
        await tx.execute(
            insert(reviews).values(
                conversation=name, seq=1, text=said, bot_text="", understood={}, comment=said, language="zh",
                agent="lin", at=tx.now, state="open",
            )
        )  # fmt: skip
        await tx.execute(
            insert(uploads).values(
                id=f"picture-{name}", conversation=name, kind="image/png", width=1, height=1, size=3, at=tx.now
            )
        )
        found = {"symptom": "no_service", "fault": "sim_missing", "digest": "0" * 16}
        await tx.execute(insert(graph_outcomes).values(conversation=name, at=tx.now, **found))
        await _label(tx, name, said)
        place = {"conversation": name, "day": tx.now[:10], "channel": "text", "language": "zh"}
        times = {"began": tx.now, "last": tx.now, "seen": tx.now}
        await tx.execute(insert(figures_facts).values(**place, **times, counts={}, matters=[], customer=customer))
        await tx.execute(insert(figures_unanswered).values(**place, seq=1, text=said))
        await tx.execute(insert(article_uses).values(conversation=name, seq=1, article="esim-setup", at=tx.now))
        for table in metadata.sorted_tables:
            if "conversation" in table.c:
                await _fill(tx, table, name)
    return name


async def _fill(tx, table, name: str) -> None:
    """A row about the conversation in a table that has none yet, with a row of every table that it refers to."""
    if not (await tx.execute(select(table).where(table.c.conversation == name).limit(1))).first():
        await _made(tx, table, conversation=name)


async def _made(tx, table, **given: object) -> object:
    simple = {"JSON": {}, "INTEGER": 1, "FLOAT": 0.5, "BOOLEAN": False, "BLOB": b""}
    for column in table.c:
        counted = column.primary_key and str(column.type) == "INTEGER" and not column.foreign_keys
        if column.name in given or column.nullable or counted:
            continue
        (refers, *_) = [*column.foreign_keys, None]
        given[column.name] = (
            simple.get(str(column.type), "x") if refers is None else await _made(tx, refers.column.table)
        )
    return (await tx.execute(insert(table).values(**given).returning(*table.primary_key))).first()[0]


async def _label(tx, name: str, said: str) -> None:
    message = {"conversation": name, "seq": 1, "text": said, "language": "zh", "entities": [], "why": 1, "at": tx.now}
    item = await tx.execute(
        insert(review_items)
        .values(
            **message, bot_text="", channel="web", intent="greet", confidence=0.1, ranking=[], oos=0.1, state="labelled"
        )
        .returning(review_items.c.id)
    )
    await tx.execute(
        insert(labels).values(
            **message, item=item.scalar_one(), text_key="k", verdict="intent", intent="greet", author="lin",
            state="accepted", batch="b",
        )
    )  # fmt: skip


def files_with(folder: Path, needle: str) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()]


async def test_erasure_leaves_nothing_of_one_customer_and_all_of_the_other(store, data, settings):
    mine = await conversation(store, "conv-mine", f"我的号码是{NEEDLE}，{SECRET_WORDS[0]}, {SECRET_WORDS[1]}")
    spaced = await conversation(store, "conv-spaced", f"call {SPACED} about the {SECRET_WORDS[1]}")
    other = await conversation(store, "conv-other", "19900000101 查话费")
    settings.uploads_dir.mkdir(parents=True)
    for name in (mine, spaced, other):
        (settings.uploads_dir / f"picture-{name}").write_bytes(b"PNG")
    settings.logs_dir.mkdir(parents=True)
    (settings.logs_dir / "gateway.log").write_text(f"turn {mine}/1 failed\n{NEEDLE}\nturn {other}/1 failed\n")

    ids = await data.conversations_of(NEEDLE)
    assert ids == [mine, spaced]
    gone = await data.erase(ids, [NEEDLE])
    assert gone["messages"] == 2
    assert gone["files"] == 2
    assert await data.conversations_of(NEEDLE) == []

    for needle in (NEEDLE, SPACED, *SECRET_WORDS, mine, spaced):
        assert files_with(settings.data_dir, needle) == [], needle
    assert [path.name for path in settings.uploads_dir.iterdir()] == [f"picture-{other}"]
    kept = await data.export([other])
    assert kept["messages"][0]["text"] == "19900000101 查话费"
    assert f"turn {other}/1 failed" in (settings.logs_dir / "gateway.log").read_text()


async def test_no_table_with_a_conversation_is_forgotten(store, data):
    """Whoever adds a table with customers' data has to name its column ``conversation``, or this finds the rest."""
    name = await conversation(store, "conv-mine", f"我的号码是{NEEDLE}")
    exported = await data.export([name])
    expected = {
        table.name for table in metadata.sorted_tables if table.name == "conversations" or "conversation" in table.c
    }
    assert set(exported) | {"message_terms"} == expected
    await data.erase([name])
    assert await data.export([name]) == {}


async def test_a_customer_is_found_by_what_the_site_vouched_for(store, data):
    await conversation(store, "conv-a", "hello", customer="C1001")
    assert await data.conversations_of("C1001") == ["conv-a"]
    assert await data.conversations_of("conv-a") == ["conv-a"]
    assert await data.conversations_of("C_001") == []  # no pattern language
    with pytest.raises(TooVagueError):
        await data.conversations_of("1")


async def test_old_conversations_go_and_new_ones_stay(store, data, clock):
    await conversation(store, "conv-old", "hello")
    clock.passes(days=20)
    await conversation(store, "conv-new", "hello again")
    clock.passes(days=20)
    audit = Audit(store, b"key")
    assert await Retention(data, audit, days=lambda: 30, clock=clock, elapsed=lambda: 0.0).sweep() == 1
    assert await store.conversation("conv-old") is None
    assert await store.conversation("conv-new") is not None
    assert (await audit.page(limit=1))[0]["action"] == "conversations.expired"


async def test_a_clock_that_is_put_forward_erases_nothing_until_it_is_put_right(store, data, clock, caplog):
    await conversation(store, "conv-one", "hello")
    past = [0.0]
    keeper = Retention(data, Audit(store, b"key"), days=lambda: 30, clock=clock, elapsed=lambda: past[0])
    clock.passes(days=400)
    assert await keeper.sweep() == 0
    assert "the clock was put forward by 9600.0 h since this gateway began" in caplog.text
    clock.passes(days=-400)
    assert await keeper.sweep() == 0
    clock.passes(days=31)
    past[0] = 31 * 86_400.0
    assert await keeper.sweep() == 1


def test_words_are_blotted_out_across_the_borders_of_what_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("server.storage.customers._CHUNK", 7)
    (tmp_path / "a.log").write_text("xx 19900004242 yy 19900004242\nzz")
    assert blot_out(tmp_path, ["19900004242"]) == 2
    assert (tmp_path / "a.log").read_text() == "xx *********** yy ***********\nzz"


async def test_the_log_refuses_changes_and_removals(store):
    audit = Audit(store, b"key")
    await audit.note("lin", "login")
    for statement in ("UPDATE audit SET actor = 'chen'", "DELETE FROM audit"):
        with pytest.raises(IntegrityError, match="only grows"):
            async with store.write() as tx:
                await tx.execute(text(statement))
    assert [one["actor"] for one in await audit.page(limit=9)] == ["lin"]


async def test_a_change_behind_the_logs_back_is_seen(store, settings):
    audit = Audit(store, b"key")
    for number in range(4):
        await audit.note("lin", "login", number=number)
    assert await audit.first_broken() is None
    with sqlite3.connect(settings.database_url.removeprefix("sqlite+aiosqlite:///")) as database:
        database.execute("DROP TRIGGER audit_no_update")
        database.execute("UPDATE audit SET actor = 'chen' WHERE id = 2")
    database.close()
    assert await audit.first_broken() == 2


async def test_the_log_names_customers_by_a_keyed_hash(store):
    one, other = Audit(store, b"key"), Audit(store, b"another key")
    assert NEEDLE not in one.customer(NEEDLE)
    assert one.customer(NEEDLE) == one.customer(NEEDLE)
    assert one.customer(NEEDLE) != other.customer(NEEDLE)
