"""``kefu customer``: export and erasure from the command line."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from server.gateway.staff_sessions import SecondFactors
from server.settings import Settings
from server.storage.database import create_engine, migrate
from server.storage.store import Store

NUMBER = "19900004242"


async def fill(settings: Settings) -> None:
    engine = create_engine(settings.database_url)
    await migrate(engine)
    store = Store(engine, lambda: datetime.now(UTC))
    async with store.write() as tx:
        await tx.create_conversation("conv-mine", "zh", None, {})
        await tx.add_message("conv-mine", "customer", f"我的号码是{NUMBER}")
    await store.close()


@pytest.fixture(autouse=True)
def same_settings(kefu, settings, monkeypatch):
    monkeypatch.setenv("KEFU_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("KEFU_SECRET", "a long secret of the tests")


def test_export_then_erase(kefu, settings):
    asyncio.run(fill(settings))
    exported = json.loads(kefu("customer", "export", NUMBER).out)
    assert exported["data"]["messages"][0]["text"] == f"我的号码是{NUMBER}"
    assert kefu("customer", "erase", NUMBER).status != 0  # nobody said yes
    erased = json.loads(kefu("customer", "erase", NUMBER, "--yes", "--json").out)
    assert erased["conversations"] == ["conv-mine"]
    assert json.loads(kefu("customer", "export", NUMBER).out) == {"conversations": [], "data": {}}
    assert not any(NUMBER.encode() in path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())
    vague = kefu("customer", "export", "199")
    assert (vague.status, "too short" in vague.err) == (2, True)


def test_a_second_factor_is_reset_when_the_phone_is_lost(kefu, settings):
    async def enrol() -> None:
        engine = create_engine(settings.database_url)
        await migrate(engine)
        store = Store(engine, lambda: datetime.now(UTC))
        async with store.write() as tx:
            await tx.add_staff("lin", "Lin", "agent", "-")
        assert await SecondFactors(store).begin("lin")
        await store.close()

    asyncio.run(enrol())
    assert [kefu("user", "reset", "lin").status for _ in range(2)] == [0, 1]
