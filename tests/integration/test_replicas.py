"""Two gateways over one PostgreSQL and one Redis: one conversation for everybody, whichever gateway dies."""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.chaos import trouble
from tests.support.clients import Agent, Customer, log_in
from tests.support.gateway import Gateway
from tests.support.product import ROOT, Product, free_ports
from tests.support.servers import Postgres, Redis, redis_server

SEED = 9
SERVICES = ("models", "rasa", "actions")
SERVICES_DEADLINE_S = 180
CUSTOMERS = 6


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@dataclass
class Services:
    """A second model service, Rasa worker and action server, each started alone."""

    urls: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]]
    log: Path

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + SERVICES_DEADLINE_S
        paths = {"models": "/health", "rasa": "/webhooks/kefu/health", "actions": "/health"}
        for name, path in paths.items():
            while not healthy(self.urls[name] + path):
                ended = self.processes[name].poll() is not None
                assert not ended, f"{name} did not start:\n{self.log.read_text()[-2000:]}"
                assert time.monotonic() < deadline, f"{name} is not ready:\n{self.log.read_text()[-2000:]}"
                time.sleep(0.2)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory, product: Product) -> Iterator[Services]:
    first = free_ports(4)
    urls = {name: f"http://127.0.0.1:{first + at}" for at, name in enumerate(SERVICES)}
    environment = {
        **product.environment(),
        "KEFU_INTERNAL_PORT": str(first),
        "KEFU_ACCOUNT_API_URL": product.accounts_url,
        "KEFU_MODELS_URLS": f"http://127.0.0.1:{product.internal_port}",
    }
    log = tmp_path_factory.mktemp("services") / "log"
    processes = {}
    with log.open("wb") as out:
        for name in SERVICES:
            command = [sys.executable, "-m", "server.cli", "serve", name]
            processes[name] = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    yield Services(urls, processes, log)
    for process in processes.values():
        process.terminate()
        process.wait(30)


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, product: Product, postgres: Postgres, redis: Redis, second: Services
) -> Iterator[tuple[Gateway, Gateway]]:
    """Two gateways before two services of each kind: the running product's and the second ones."""
    environment = {
        "KEFU_DATABASE_URL": postgres.database(),
        "KEFU_REDIS_URL": redis.url,
        "KEFU_SECRET": "the same secret at both gateways",
        "KEFU_LOG_FORMAT": "json",
        # Tests run beside others on two cores; how fast turns are is not what these ask.
        "KEFU_TURN_DEADLINE_S": "40",
        **{
            f"KEFU_{name.upper()}_URLS": f"http://127.0.0.1:{product.internal_port + at},{second.urls[name]}"
            for at, name in enumerate(SERVICES)
        },
    }
    folder = tmp_path_factory.mktemp("replicas")
    made = [Gateway(folder, internal_port=product.internal_port, environment=environment) for _ in range(2)]
    for name in ("lin", "bai", "chen"):
        made[0].add_staff(name, shown=name.title())
    made[1].passwords = made[0].passwords
    try:
        with ThreadPoolExecutor() as starting:  # together, as they do after a power cut: one changes the schema
            list(starting.map(Gateway.start, made))
        second.wait_until_healthy()
        yield made[0], made[1]
    finally:
        for gateway in made:
            gateway.stop()


async def opens(agent: Agent, conversation: str) -> None:
    """What happens from now on, the agent sees."""
    await agent.send("open", conversation=conversation)
    await agent.send("ping")
    await agent.wait("pong")


@asynccontextmanager
async def served(customer_at: Gateway, agent_at: Gateway) -> AsyncIterator[tuple[Customer, Agent]]:
    """A customer and Lin, who has the conversation open, each at a gateway."""
    async with (
        log_in(agent_at.url, "lin", agent_at.passwords["lin"]) as rest,
        Customer(customer_at.url) as customer,
        Agent(agent_at.url, rest) as lin,
    ):
        await lin.hello()
        await customer.hello("en")
        await customer.send("human", id="please")
        await lin.wait("assigned", conversation=customer.conversation, agent="lin")
        assert (await lin.do("take", customer.conversation))["type"] == "ack"
        assert (await customer.wait("mode", mode="human"))["agent"] == "Lin"
        await opens(lin, customer.conversation)
        yield customer, lin
        await lin.do("close", customer.conversation, outcome="solved")


async def test_a_customer_and_an_agent_meet_across_gateways(pair):
    here, there = pair
    async with served(here, there) as (customer, lin):
        await customer.send("message", id="m1", text="my screen is black")
        await lin.wait("message", conversation=customer.conversation, text="my screen is black")
        await customer.send("typing", on=True)
        await lin.wait("typing", conversation=customer.conversation, role="customer", on=True)
        await lin.do("message", customer.conversation, text="let me look")
        said = await customer.wait("message", text="let me look")
        await lin.wait("delivered", conversation=customer.conversation, seq=said["seq"])
        await lin.send("read", conversation=customer.conversation, seq=said["seq"])
        await customer.wait("read", seq=said["seq"])


async def test_one_of_two_windows_writes_whatever_gateway_they_are_at(pair):
    async with served(*pair) as (customer, lin), Agent(pair[0].url, lin.rest) as other:
        await other.hello()
        await opens(other, customer.conversation)
        await lin.send("draft", conversation=customer.conversation, text="I am wri")
        await other.wait("draft", conversation=customer.conversation, text="I am wri")
        refused = await other.do("message", customer.conversation, text="two answers")
        assert (refused["type"], refused["code"]) == ("refused", "writing")
        assert (await lin.do("message", customer.conversation, text="I am writing"))["type"] == "ack"
        assert (await other.do("message", customer.conversation, text="now"))["type"] == "ack"


async def test_either_gateway_dies_in_the_middle_of_turns(pair):
    """Every question is answered once, in its order; who was at the one that died goes on at the other."""
    customers = [Customer(pair[0].url) for _ in range(CUSTOMERS)]
    for one in customers:
        await one.connect()
        await one.hello("en")
    asked: dict[str, list[str]] = {one.conversation: [] for one in customers}
    for round_, (dying, other) in enumerate((pair, pair[::-1])):
        question, thanks = f"q{round_}", f"t{round_}"
        for number, one in enumerate(customers):
            asked[one.conversation] += [f"how do I reset my password, please, number {number}", "thanks"]
            await one.send("message", id=question, text=asked[one.conversation][-2])
        for one in customers:
            await one.wait("ack", id=question)
        await asyncio.to_thread(dying.kill)
        for one in customers:
            await one.disconnect()
            one.move(other.url)
            await one.resume(last_seq=max(one.transcript()))
            # The acknowledgement of the first may be lost.
            await one.send("message", id=question, text=asked[one.conversation][-2])
            await one.send("message", id=thanks, text=asked[one.conversation][-1])
        for one in customers:
            await one.wait("ack", id=thanks)
        # It comes back while the other answers.
        starting = asyncio.create_task(asyncio.to_thread(dying.start))
        for one in customers:
            await one.wait("message", seq=1 + 4 * (round_ + 1))
        await starting
    for one in customers:
        seen = one.messages()
        assert [frame["seq"] for frame in seen] == list(range(1, 10))
        assert [frame["text"] for frame in seen if frame["role"] == "customer"] == asked[one.conversation]
        answers = [frame for frame in seen if frame["role"] == "bot"][1:]
        assert ["citations" in frame for frame in answers] == [True, False] * 2
        await one.disconnect()


async def test_gateways_die_while_people_talk_to_people(pair):
    report = await trouble(*pair, conversations=8, agents=["bai", "chen"], kills=2, messages=5, seed=SEED)
    assert report.problems() == {}
    assert report.assigned + report.waiting == report.escalated
    assert report.kills == 2


async def test_without_redis_people_are_still_served(pair, redis):
    here, there = pair
    redis.kill()
    try:
        async with served(here, there) as (customer, lin):
            await customer.send("message", id="m1", text="can you hear me")
            await lin.wait("message", conversation=customer.conversation, text="can you hear me")
            await lin.do("message", customer.conversation, text="over the database")
            await customer.wait("message", text="over the database")
    finally:
        redis.start()
    for gateway in pair:
        log = gateway.log.read_text()
        assert "Redis does not answer" in log
        assert "asking the database" in log
    async with served(there, here) as (customer, lin):
        await customer.send("message", id="m2", text="and now")
        await lin.wait("message", conversation=customer.conversation, text="and now")


async def test_services_die_and_every_question_is_answered(pair, second):
    async with Customer(pair[0].url) as customer:
        await customer.hello("en")
        for name in ("actions", "rasa", "models"):
            # `kefu serve rasa` masks the lines of the process that it runs; that one is the worker.
            second.processes[name].kill() if name != "rasa" else second.processes[name].terminate()
            await asyncio.to_thread(second.processes[name].wait, 30)
            for _ in range(2):
                said = await customer.say("how do I reset my password")
                assert [one["role"] for one in said] == ["bot"], f"{name} is away"
