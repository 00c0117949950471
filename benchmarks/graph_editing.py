"""How fast the graph is edited: validation, diff, merge, cases, publish, and how soon a version is in service.

    uv run python -m benchmarks.graph_editing [--trees 25] [--faults 27] [--repeat 20]
    uv run python -m benchmarks.graph_editing --live [--customers 50]     # the whole product, with customers chatting

The first form edits a synthetic graph of trees * (3 * faults + 1) nodes, over REST on a gateway in this process. The
second publishes in the running product (the demo company) while customers talk to it, and tells what they noticed.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from actions.diagnosis_graph import Graphs
from benchmarks._rows import own_product
from benchmarks.diagnosis import synthetic
from kg.compiled import Knowledge
from kg.diff import diff, merge
from kg.editing import Content, apply
from kg.examine import examine
from kg.load import load_texts
from kg.problems import Reader
from kg.trial import Case, run_case, talk
from server.gateway.accounts import add_user
from server.gateway.app import create_app
from server.settings import Settings
from tests.support.clients import Customer, log_in
from tests.support.product import Product

Json = dict[str, Any]


def timed(repeat: int, work: Callable[[int], Any]) -> list[float]:
    """Milliseconds of each run."""
    found = []
    for number in range(repeat):
        began = time.perf_counter()
        work(number)
        found.append(1000 * (time.perf_counter() - began))
    return found


def told(what: str, times: list[float], asked: str = "") -> None:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(f"{what:58} median {statistics.median(times):8.1f} ms   p95 {p95:8.1f} ms   {asked and 'asked ' + asked}")


def prior(node: str, number: int) -> Json:
    return {"op": "set", "node": node, "path": ["prior"], "value": 0.01 + 0.0001 * number}


def alone(trees: int, faults: int, repeat: int) -> None:
    """The pure parts."""
    graph = load_texts({"synthetic.yaml": synthetic(trees, faults)})
    content, reader = Content.of_graph(graph), Reader()
    print(f"{len(graph.nodes)} nodes, {len(graph.links())} links")
    told("first validation", timed(1, lambda _: reader.check(content)))
    names = list(graph.faults)

    def keystroke(number: int) -> None:
        reader.check(apply(content, [prior(names[number % len(names)], number)]))

    told("validation after a keystroke", timed(repeat, keystroke), "<= 200 ms")
    others = apply(content, [prior(name, 7) for name in names[: len(names) // 2]])
    mine = apply(content, [prior(name, 9) for name in names[len(names) // 2 :]])
    told(f"diff of {len(names) // 2} changed nodes", timed(repeat, lambda _: diff(content.nodes, others.nodes)))
    told("merge of two such drafts", timed(repeat, lambda _: merge(content.nodes, others.nodes, mine.nodes)))
    told("compile every symptom", timed(3, lambda _: Knowledge(graph).compile_all()))
    knowledge = Knowledge(graph)
    knowledge.compile_all()
    symptoms = list(graph.symptoms)
    told("one step of a talk", timed(repeat, lambda n: talk(knowledge, symptoms[n % len(symptoms)], [])))
    cases = [
        Case.read({"title": name, "symptom": name, "answers": [], "expect": {"end": "handoff"}}) for name in symptoms
    ]
    told(f"{len(cases)} cases to their end", timed(3, lambda _: [run_case(knowledge, case) for case in cases]))
    told("analysis of one symptom", timed(5, lambda n: examine(knowledge, symptoms[n % len(symptoms)])))
    nodes = [raw.as_json(name) for name, raw in content.nodes.items()]

    def arrives(_: int) -> None:
        async def add() -> None:
            graphs = Graphs.load(None)
            await graphs.add(graph.version, nodes)
            await graphs.close()

        asyncio.run(add())

    told("the action server takes a version", timed(3, arrives))


def over_rest(trees: int, faults: int, repeat: int) -> None:
    """The same through the gateway's REST and its database."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), secret=secrets.token_hex(20), port=20_001, internal_port=20_002)
        password = secrets.token_urlsafe(12)
        add_user(settings, "admin", password, "admin")
        with TestClient(create_app(settings), base_url="http://kefu.test") as client:
            client.headers["x-kefu"] = "1"
            client.post("/api/session", json={"username": "admin", "password": password})

            def ask(method: str, path: str, **more: Any) -> Any:
                answer = client.request(method, f"/api/graph{path}", **more)
                assert answer.is_success, answer.text
                return answer.json()

            source = synthetic(trees, faults).encode()
            made: list[Json] = []
            told(
                "import of the graph",
                timed(1, lambda _: made.append(ask("POST", "/import?format=yaml", content=source))),
            )
            draft = made[0]["id"]
            names = [node["id"] for node in made[0]["graph"]["nodes"] if node["kind"] == "fault"]

            def change(number: int) -> None:
                ask("POST", f"/drafts/{draft}/operations",
                    json={"revision": number, "operations": [prior(names[number % len(names)], number)]})  # fmt: skip

            told("a change, stored and validated", timed(repeat, change), "<= 200 ms")
            told("open the draft", timed(repeat, lambda _: ask("GET", f"/drafts/{draft}")), "<= 2 s with the page")
            symptom = next(node["id"] for node in made[0]["graph"]["nodes"] if node["kind"] == "symptom")
            told(
                "a step of Try it after a change",
                timed(1, lambda _: ask("POST", f"/drafts/{draft}/try", json={"symptom": symptom})),
            )
            told(
                "a step of Try it",
                timed(repeat, lambda _: ask("POST", f"/drafts/{draft}/try", json={"symptom": symptom})),
            )
            body = {"revision": repeat, "message": "benchmark"}
            told("publish", timed(1, lambda _: ask("POST", f"/drafts/{draft}/publish", json=body)), "<= 2 s to live")
            told("diff with the version before", timed(3, lambda _: ask("GET", "/diff?from=1&to=2")))
            told("roll back", timed(1, lambda _: ask("POST", "/rollback", json={"to": 1, "message": "back"})))


async def live(product: Product, customers: int) -> None:
    """Publishing in the running product while customers chat."""
    # Nothing here ends with a person: whoever is waited on too long has been disturbed.
    texts = ("my TV has no picture", "forget it", "what plans do you have", "how do I reset my password", "thanks")
    turns: list[tuple[float, float]] = []
    wrong: list[str] = []
    over = asyncio.Event()

    async def chat(customer: Customer, number: int) -> None:
        await customer.hello("en")
        place = number
        while not over.is_set():
            began = time.perf_counter()
            said = await customer.say(texts[place % len(texts)])
            turns.append((began, time.perf_counter()))
            wrong.extend(one["text"] for one in said if one["role"] == "system" and "wrong on our side" in one["text"])
            place += 1
            await asyncio.sleep(customers / 12)

    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(log_in(product.url, "admin", product.passwords["admin"]))
        crowd = [await stack.enter_async_context(Customer(product.url)) for _ in range(customers)]
        talks = [asyncio.create_task(chat(one, number)) for number, one in enumerate(crowd)]
        await asyncio.sleep(15)
        published = []
        for number in range(5):
            draft = (await admin.post("/api/graph/drafts", json={})).json()
            operations = {"revision": 0, "operations": [prior("hdmi_loose", number)]}
            await admin.post(f"/api/graph/drafts/{draft['id']}/operations", json=operations)
            began = time.perf_counter()
            body = {"revision": 1, "message": "benchmark"}
            made = (await admin.post(f"/api/graph/drafts/{draft['id']}/publish", json=body)).json()
            published.append((began, time.perf_counter()))
            async with Customer(product.url) as new:
                await new.hello("en")
                await new.say("my TV has no picture")
                items = (await admin.get(f"/api/conversations/{new.conversation}/decisions")).json()["items"]
                assert items[-1]["slots"]["diagnosis"]["engine"]["graph"] == made["digest"]
            await asyncio.sleep(5)
        over.set()
        await asyncio.gather(*talks)
    told("publish until new conversations begin with it", [1000 * (b - a) for a, b in published], "<= 2 s")
    during = [(a, b) for a, b in turns if any(a < end + 0.5 and b > start for start, end in published)]
    other = [one for one in turns if one not in during]
    told(f"turns while nothing is published ({len(other)})", [1000 * (b - a) for a, b in other])
    told(f"turns while a version is published ({len(during)})", [1000 * (b - a) for a, b in during])
    print(f"{customers} customers, {len(turns)} turns, {len(wrong)} of them failed")


def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", type=int, default=25)
    parser.add_argument("--faults", type=int, default=27)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--live", action="store_true", help="the whole product, with customers chatting")
    parser.add_argument("--customers", type=int, default=50)
    options = parser.parse_args()
    if options.live:
        with own_product() as product:
            asyncio.run(live(product, options.customers))
        return
    alone(options.trees, options.faults, options.repeat)
    over_rest(options.trees, options.faults, options.repeat)


if __name__ == "__main__":
    main()
