"""``kefu customer``: export and erasure from the command line."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

from server.gateway.staff_sessions import SecondFactors
from server.settings import ROOT, Settings
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


def kefu(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KEFU_DATA_DIR": str(settings.data_dir), "KEFU_SECRET": "a long secret of the tests"}
    command = [sys.executable, "-m", "server.cli", "customer", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=60, check=False)


def test_export_then_erase(settings):
    asyncio.run(fill(settings))
    exported = json.loads(kefu(settings, "export", NUMBER).stdout)
    assert exported["data"]["messages"][0]["text"] == f"我的号码是{NUMBER}"
    refused = kefu(settings, "erase", NUMBER)
    assert refused.returncode != 0  # nobody said yes
    erased = json.loads(kefu(settings, "erase", NUMBER, "--yes", "--json").stdout)
    assert erased["conversations"] == ["conv-mine"]
    assert json.loads(kefu(settings, "export", NUMBER).stdout) == {"conversations": [], "data": {}}
    assert not any(NUMBER.encode() in path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file())
    vague = kefu(settings, "export", "199")
    assert (vague.returncode, "too short" in vague.stderr) == (2, True)


def test_a_second_factor_is_reset_when_the_phone_is_lost(settings):
    async def enrol() -> None:
        engine = create_engine(settings.database_url)
        await migrate(engine)
        store = Store(engine, lambda: datetime.now(UTC))
        async with store.write() as tx:
            await tx.add_staff("lin", "Lin", "agent", "-")
        assert await SecondFactors(store).begin("lin")
        await store.close()

    asyncio.run(enrol())
    environment = {**os.environ, "KEFU_DATA_DIR": str(settings.data_dir), "KEFU_SECRET": "a long secret of the tests"}
    command = [sys.executable, "-m", "server.cli", "user", "reset", "lin"]
    codes = [
        subprocess.run(command, env=environment, cwd=ROOT, timeout=60, check=False, capture_output=True).returncode
        for _ in range(2)
    ]
    assert codes == [0, 1]
