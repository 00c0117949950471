"""How fluid the desk's list stays with 5,000 closed conversations, by a trace of the browser.

    python -m benchmarks.desk_list [--trace FILE] [--json]

Starts a product of its own whose database holds 5,000 closed conversations, opens the desk in Chromium, and traces the
page's main thread while the list is opened, scrolled to its end and back, and walked with the keyboard. A task of more
than 50 ms is a long one: a click meanwhile waits. Processor time is what the page itself costs; the whole time holds what
other work on the machine took besides. The page's own frames are counted beside it.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from server.storage.database import create_engine, migrate
from server.storage.store import Store
from tests.support.pages import Agent, chromium
from tests.support.product import Product

CONVERSATIONS = 5_000
LONG_MS = 50
WHEEL_PX, WHEELS = 1_600, 400
KEYS = 150
REASONS = ("customer_asked", "policy", "repeated_failure", "diagnosis_exhausted", "upset_customer", "safety")
TOPICS = ("check_bill", "fault_broadband", "change_plan", "reset_password", "dispute_bill", "fault_mobile_data")
OUTCOMES = ("solved", "follow_up", "not_solved", "no_reply")
WORDS = {
    "zh": ("账单不对，请帮我看看", "宽带又断了", "怎么换套餐", "验证码收不到"),
    "en": ("my bill is wrong", "the internet is down again", "how do I change my plan", "no code arrives"),
}
CATEGORIES = ["disabled-by-default-devtools.timeline", "toplevel"]
COUNT_FRAMES = """() => {
    window.frames_ = [];
    const note = (at) => { window.frames_.push(at); window.counting = requestAnimationFrame(note); };
    window.counting = requestAnimationFrame(note);
}"""
STOP_COUNTING = "() => { cancelAnimationFrame(window.counting); return window.frames_; }"


async def fill(database: Path) -> None:
    """Puts closed conversations of the last days into an empty database; the same ones each time."""
    chance = random.Random(5)
    moments = [datetime.now(UTC) - timedelta(days=12)]
    engine = create_engine(f"sqlite+aiosqlite:///{database}")
    await migrate(engine)
    store = Store(engine, lambda: moments[-1])
    for number in range(CONVERSATIONS):
        moments.append(moments[-1] + timedelta(seconds=chance.randrange(20, 200)))
        async with store.write() as tx:
            name, language = f"c{number:05}", chance.choice(("zh", "en"))
            words = chance.choice(WORDS[language])
            await tx.create_conversation(name, language, None, {})
            await tx.add_message(name, "customer", words)
            await tx.add_escalation(
                name,
                reason=chance.choice(REASONS),
                priority=chance.randrange(4),
                language=language,
                summary=words,
                context={},
                topic=chance.choice(TOPICS),
            )
            await tx.set(name, mode="closed")
            await tx.set_escalation(name, state="closed", ended=tx.now, outcome=chance.choice(OUTCOMES))
    await store.close()


def show(page: Page) -> None:
    """The list, for the first time."""
    page.get_by_role("tab", name="Closed").click()
    expect(page.locator("#rows .row").first).to_be_visible()


def scroll(page: Page) -> None:
    """To the end of the list, fetching page after page, and back."""
    page.locator("#rows").hover()
    total = CONVERSATIONS
    for _ in range(WHEELS):
        page.mouse.wheel(0, WHEEL_PX)
        page.wait_for_timeout(16)
        if page.locator(f"#rows [aria-posinset='{total}']").count():
            break
    expect(page.locator(f"#rows [aria-posinset='{total}']")).to_have_count(1)
    for _ in range(40):
        page.mouse.wheel(0, -WHEEL_PX * 8)
        page.wait_for_timeout(16)
    expect(page.locator("#rows [aria-posinset='1']")).to_have_count(1)


def walk(page: Page) -> None:
    """Down the list with the keyboard."""
    page.locator("body").focus()
    for _ in range(KEYS):
        page.keyboard.press("j")


def tasks(trace: bytes) -> list[tuple[float, float]]:
    """Milliseconds of every task of the page's main thread, whole and of the processor, from a trace of Chromium."""
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"].get("name") == "CrRendererMain"
    }
    return [
        (event["dur"] / 1000, event.get("tdur", 0) / 1000)
        for event in events
        if event.get("name") == "RunTask" and event.get("ph") == "X" and (event["pid"], event["tid"]) in main
    ]


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def measure(product: Product, trace_file: str | None) -> list[tuple[str, str, float, str]]:
    """The scenes, one row a figure."""
    rows: list[tuple[str, str, float, str]] = []
    with chromium() as browser:
        agent = Agent(browser, "en", size=(1366, 768))
        agent.log_in(product.url, "wei", product.passwords["wei"])
        page = agent.page
        expect(page.get_by_role("tab", name="Waiting")).to_be_visible()
        scenes: dict[str, Callable[[Page], None]] = {"open": show, "scroll": scroll, "keys": walk}
        for name, scene in scenes.items():
            page.evaluate(COUNT_FRAMES)
            browser.start_tracing(page=page, categories=CATEGORIES)
            scene(page)
            trace = browser.stop_tracing()
            frames = page.evaluate(STOP_COUNTING)
            if trace_file:
                Path(trace_file).with_suffix(f".{name}.json").write_bytes(trace)
            times, gaps = tasks(trace), [later - earlier for earlier, later in pairwise(frames)]
            whole, own = zip(*times, strict=True)
            rows += [
                (f"{name}: longest task, processor", "ms", max(own), f"≤ {LONG_MS}"),
                (f"{name}: longest task, whole", "ms", max(whole), ""),
                (f"{name}: tasks over {LONG_MS} ms, processor", "", float(sum(one > LONG_MS for one in own)), "0"),
                (f"{name}: frame p95", "ms", quantile(gaps, 0.95), "≤ 34"),
            ]
        rows.append(("rows drawn at once", "elements", float(agent.rows.count()), "≤ 40"))
        agent.close()
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trace", help="keep the traces as FILE.SCENE.json, for Chromium's performance panel")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kefu-desk-list-"))
    product = Product(folder / "data")
    try:
        asyncio.run(fill(product.data_dir / "kefu.db"))
        product.start()
        product.add_staff("wei", shown="韦晴")
        rows = measure(product, options.trace)
    finally:
        product.stop()
        shutil.rmtree(folder)
    if options.json:
        print(json.dumps([dict(zip(("name", "unit", "value", "asked"), row, strict=True)) for row in rows]))
        return 0
    print(f"{CONVERSATIONS:,} closed conversations")
    for name, unit, value, asked in rows:
        print(f"{name:<40} {value:8.1f} {unit:<9} {'asked ' + asked if asked else ''}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
