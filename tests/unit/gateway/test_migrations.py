"""A database of an earlier version, brought to this one with what it holds."""

import json
from datetime import UTC, datetime

from sqlalchemy import text

from server.storage.customers import CustomerData
from server.storage.database import create_engine, downgrade, migrate
from server.storage.desk import DeskReads
from server.storage.store import Staff, Store
from tests.support.floor import bench

AT = "2026-03-02T04:00:00.000Z"
NOTE = {"type": "message", "role": "note", "text": "机房在检修", "name": "Lin", "at": AT}
BOSS = Staff("shen", "Shen", "supervisor", "", active=True)


async def test_notes_from_before_are_found_and_messages_still_are(tmp_path):
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path}/kefu.db")
    await migrate(engine, "0007")
    columns = "id, mode, locale, last_seq, slots, agent_read, created, updated"
    async with engine.begin() as connection:
        for statement in (
            f"INSERT INTO conversations ({columns}) VALUES ('c', 'human', 'zh', 1, '{{}}', 0, '{AT}', '{AT}')",
            "INSERT INTO messages (conversation, seq, role, text, extra, at)"
            f" VALUES ('c', 1, 'customer', '光猫', '{{}}', '{AT}')",
            "INSERT INTO message_terms (conversation, seq, terms) VALUES ('c', 1, '光猫 猫')",
            "INSERT INTO desk_events (conversation, kind, frame, at)"
            f" VALUES ('c', 'message', '{json.dumps(NOTE)}', '{AT}')",
        ):
            await connection.execute(text(statement.replace(":", "\\:")))
    await migrate(engine)
    store = Store(engine, lambda: datetime.now(UTC))
    reads = DeskReads(store)

    async def found(query: str) -> list[tuple[str, int]]:
        hits = await reads.search(BOSS, query, limit=9, before=None)
        return [(hit.message.role, hit.message.seq) for _, hit in hits]

    assert await found("光猫") == [("customer", 1)]
    assert await found("检修") == [("note", 1)]
    async with store.write() as tx:
        await tx.add_message("c", "customer", "光猫又亮红灯")
        await tx.add_event("c", {**NOTE, "text": "光猫要换"})
    assert sorted(await found("光猫")) == [("customer", 1), ("customer", 2), ("note", 2)]
    await CustomerData(store, tmp_path / "uploads", tmp_path / "logs").erase(["c"])
    assert await found("光猫") == []
    await store.close()
    assert "检修".encode() not in (tmp_path / "kefu.db").read_bytes()
    assert "光猫".encode() not in (tmp_path / "kefu.db").read_bytes()


async def test_the_schema_goes_back_and_forward_with_what_the_database_holds(database_url, tmp_path):
    async with bench(tmp_path, url=database_url) as desk:
        lin = await desk.hire("lin")
        state = await desk.held(lin, "zh")
        await desk.says(state.id, "光猫亮红灯")
        await desk.answers(state.id, lin, "请稍等")
        await desk.cases.note(state.id, "n1", lin, "机房在检修")
        before = await desk.store.messages(state.id)
        engine = desk.store._engine
        await downgrade(engine, "0001")
        async with engine.connect() as connection:
            kept = (await connection.execute(text("SELECT seq, text FROM messages ORDER BY seq"))).all()
        assert [tuple(row) for row in kept] == [(one.seq, one.text) for one in before]
        await migrate(engine)
        assert await desk.store.messages(state.id) == before
        hits = await DeskReads(desk.store).search(BOSS, "红灯", limit=9, before=None)
        assert [hit.message.text for _, hit in hits] == ["光猫亮红灯"]
        await desk.says(state.id, "还在吗")
        assert (await desk.store.messages(state.id))[-1].text == "还在吗"
        assert [one["text"] for one in await desk.events("message") if one["role"] == "note"] == ["机房在检修"]
