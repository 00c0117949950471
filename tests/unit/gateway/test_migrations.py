"""A database of an earlier version, brought to this one with what it holds."""

import json
from datetime import UTC, datetime

from sqlalchemy import text

from server.storage.customers import CustomerData
from server.storage.database import create_engine, migrate
from server.storage.desk import DeskReads
from server.storage.store import Staff, Store

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
