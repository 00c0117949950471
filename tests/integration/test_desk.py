"""Hand-over to an agent and back, over both sockets of the running product."""

import pytest

from tests.support.clients import Agent, Customer, log_in


@pytest.fixture
async def customer(product):
    async with Customer(product.url) as connected:
        yield connected


@pytest.fixture
async def lin(product):
    async with (
        log_in(product.url, "lin", product.passwords["lin"]) as client,
        Agent(product.url, client) as agent,
    ):
        yield agent


@pytest.fixture
async def chen(product):
    async with (
        log_in(product.url, "chen", product.passwords["chen"]) as client,
        Agent(product.url, client) as agent,
    ):
        yield agent


async def test_the_whole_way_to_a_person_and_back(customer, lin):
    await lin.hello()
    await customer.hello("en")
    await customer.say("how much data have I left on 19900000101")
    await customer.say("I want to speak to a human")
    conversation = customer.conversation
    escalation = await lin.wait("escalation", conversation=conversation)
    assert escalation["reason"] == "customer_asked"
    assert escalation["language"] == "en"
    assert escalation["summary"]
    assert escalation["context"]["parse"]["intent_ranking"][0]["confidence"] > 0.5

    page = (await lin.rest.get(f"/api/conversations/{conversation}")).json()
    assert [one["text"] for one in page["messages"]][1].startswith("how much data")

    await lin.send("open", conversation=conversation)
    assert (await lin.do("take", conversation))["type"] == "ack"
    mode = await customer.wait("mode", mode="human")
    assert mode["agent"] == "lin"

    await lin.do("message", conversation, text="Hello, this is Lin.")
    assert (await customer.wait("message", role="agent"))["text"] == "Hello, this is Lin."
    before = len(customer.frames)
    await customer.send("message", id="m-human", text="what is my bill?")
    await lin.wait("message", conversation=conversation, role="customer", text="what is my bill?")
    await lin.do("note", conversation, text="polite customer")

    assert (await lin.do("return", conversation))["type"] == "ack"
    await customer.wait("mode", after=before, mode="bot")
    assert not [one for one in customer.messages(before) if one["role"] == "bot"]
    answer = await customer.say("how much data have I left?")
    assert "18.4 GB" in answer[-1]["text"]
    assert "polite customer" not in str(customer.frames)
    seqs = sorted(customer.transcript())
    assert seqs == list(range(1, len(seqs) + 1))


async def test_only_one_of_two_agents_gets_a_conversation(customer, lin, chen):
    await lin.hello()
    await chen.hello()
    await customer.hello("zh")
    await customer.send("human", id="h1")
    await customer.wait("mode", mode="waiting")
    answers = [await lin.do("take", customer.conversation), await chen.do("take", customer.conversation)]
    assert [one["type"] for one in answers] == ["ack", "refused"]
    assert answers[1]["by"] == "lin"
    assert (await chen.do("message", customer.conversation, text="me too"))["type"] == "refused"


async def test_a_desk_that_reconnects_misses_nothing_and_gets_nothing_twice(customer, lin):
    await lin.hello()
    await customer.hello("en")
    await customer.send("human", id="h1")
    first = await lin.wait("escalation", conversation=customer.conversation)
    await lin.disconnect()
    await customer.send("message", id="m1", text="are you there?")
    await customer.wait("ack", id="m1")
    await lin.connect()
    start = len(lin.frames)
    await lin.hello(last_event=first["event"])
    await lin.send("open", conversation=customer.conversation)
    missed = await lin.wait("message", after=start, conversation=customer.conversation)
    assert missed["text"] == "are you there?"
    assert not [one for one in lin.frames[start:] if one["type"] == "escalation" and one["event"] <= first["event"]]


async def test_the_decision_record_says_why(customer, lin):
    await customer.hello("en")
    answer = await customer.say("how do I reset my password")
    path = f"/api/conversations/{customer.conversation}/decisions"
    assert (await lin.rest.get(path)).status_code == 404, "what the bot handles by itself is not an agent's business"
    await customer.send("human", id="h1")
    await customer.wait("mode", mode="waiting")
    record = (await lin.rest.get(path, params={"seq": answer[0]["seq"]})).json()["items"]
    assert len(record) == 1
    assert record[0]["parse"]["intent"]["name"] == "reset_password"
    assert record[0]["decisions"][0]["action"] == "action_answer"
    assert record[0]["decisions"][0]["policy"] == "RulePolicy"
    assert record[0]["passages"][0]["url"].startswith("/help/")
    assert record[0]["timings"]["total_ms"] > 0
    assert record[0]["release"]


async def test_a_customer_goes_back_to_the_bot_while_waiting(customer):
    await customer.hello("en")
    await customer.send("human", id="h1")
    await customer.wait("mode", mode="waiting")
    await customer.send("bot", id="b1")
    await customer.wait("mode", mode="bot")
    assert (await customer.say("hello"))[0]["role"] == "bot"


@pytest.mark.parametrize(
    "path",
    ["/api/conversations", "/api/conversations/x", "/api/conversations/x/decisions", "/api/intents", "/api/session"],
)
async def test_staff_routes_are_closed_to_others(product, path):
    import httpx

    async with httpx.AsyncClient(base_url=product.url) as client:
        assert (await client.get(path)).status_code == 401


async def test_the_desk_socket_is_closed_to_others(product):
    import httpx

    async with httpx.AsyncClient() as nobody, Agent(product.url, nobody) as agent:
        assert agent.closed is not None
        code, reason = await agent.closed
    assert (code, reason) == (1008, "log in first")
