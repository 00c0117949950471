"""An agent's work over the sockets of the running product: what each side sees, and what each may do."""

import io
from contextlib import asynccontextmanager

import httpx
import pytest
from PIL import Image

from tests.support.clients import Agent, Customer, log_in


@pytest.fixture(scope="module")
def staffed(product):
    for name, role in (("mei", "agent"), ("yun", "agent"), ("boss", "supervisor")):
        product.add_staff(name, role=role)
    # Other tests leave conversations open on the same product; they must not fill these two.
    with httpx.Client(base_url=product.url, headers={"X-Kefu": "1"}, timeout=10) as client:
        credentials = {"username": "boss", "password": product.passwords["boss"]}
        client.post("/api/session", json=credentials).raise_for_status()
        for name in ("mei", "yun"):
            client.patch(f"/api/staff/{name}", json={"capacity": 50}).raise_for_status()
    return product


@pytest.fixture
async def customer(staffed):
    async with Customer(staffed.url) as connected:
        await connected.hello("en")
        yield connected


@asynccontextmanager
async def at_the_desk(product, name):
    async with log_in(product.url, name, product.passwords[name]) as client, Agent(product.url, client) as agent:
        await agent.hello()
        yield agent


@pytest.fixture
async def mei(staffed):
    async with at_the_desk(staffed, "mei") as agent:
        yield agent


@pytest.fixture
async def boss(staffed):
    async with at_the_desk(staffed, "boss") as agent:
        yield agent


async def taken(customer, agent):
    """The customer's conversation, asked for and taken."""
    await customer.send("human", id="h1")
    await agent.wait("escalation", conversation=customer.conversation)
    assert (await agent.do("take", customer.conversation))["type"] == "ack"
    await agent.send("open", conversation=customer.conversation)
    await customer.wait("mode", mode="human")
    return customer.conversation


async def test_who_leads_listens_in_and_takes_over_in_the_middle_of_a_turn(customer, mei, boss):
    conversation = customer.conversation
    await mei.send("open", conversation=conversation)
    assert (await mei.wait("refused", conversation=conversation))["code"] == "forbidden"
    await boss.send("open", conversation=conversation)
    # Frames are served in order: from here on the boss listens.
    await boss.send("ping")
    await boss.wait("pong")
    await customer.say("how do I reset my password")
    await boss.wait("message", conversation=conversation, role="customer")
    await boss.wait("message", conversation=conversation, role="bot")

    await customer.send("message", id="m1", text="how much data have I left on 19900000101")
    await customer.wait("ack", id="m1")
    assert (await boss.do("take", conversation, over=True))["type"] == "ack"
    mode = await customer.wait("mode", mode="human")
    assert mode["agent"] == "boss"
    after = customer.frames.index(mode)
    await boss.do("message", conversation, text="I will look at it myself.")
    await customer.send("message", id="m2", text="how much data have I left on 19900000101")
    await boss.wait("message", conversation=conversation, client_id="m2")
    decisions = (await boss.rest.get(f"/api/conversations/{conversation}/decisions")).json()["items"]
    assert [one["status"] for one in decisions][-1] in {"dropped", "done"}
    assert not [one for one in customer.messages(after) if one["role"] == "bot"]

    assert (await mei.do("take", conversation, over=True))["code"] == "taken"
    assert (await boss.do("return", conversation, to="check_data_usage"))["type"] == "ack"
    answer = await customer.wait("message", after=after, role="bot")
    assert answer["seq"] > max(one["seq"] for one in customer.messages(after) if one["role"] == "agent")


async def test_both_sides_see_typing_delivery_and_reading(customer, mei):
    conversation = await taken(customer, mei)
    await mei.send("typing", conversation=conversation, on=True)
    assert (await customer.wait("typing", role="agent"))["name"] == "mei"
    ack = await mei.do("message", conversation, text="Hello, Mei here.")
    await customer.wait("message", seq=ack["seq"])
    await mei.wait("delivered", conversation=conversation, seq=ack["seq"])
    await customer.send("read", seq=ack["seq"])
    await mei.wait("read", conversation=conversation, seq=ack["seq"])
    await customer.send("typing", on=True)
    await mei.wait("typing", conversation=conversation, role="customer", on=True)
    await customer.send("message", id="m1", text="thanks")
    said = await mei.wait("message", conversation=conversation, client_id="m1")
    await mei.send("read", conversation=conversation, seq=said["seq"])
    await customer.wait("read", seq=said["seq"])
    page = (await mei.rest.get(f"/api/conversations/{conversation}")).json()
    assert (page["delivered_to_customer"], page["read_by_customer"]) == (ack["seq"], ack["seq"])


async def test_a_picture_reaches_the_customer(customer, mei):
    conversation = await taken(customer, mei)
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "green").save(out, "PNG")
    upload = await mei.rest.post(
        "/api/uploads",
        params={"conversation": conversation},
        content=out.getvalue(),
        headers={"Content-Type": "image/png"},
    )
    await mei.do("message", conversation, text="", image=upload.json()["id"])
    shown = await customer.wait("message", role="agent")
    assert (shown["image"]["width"], shown["name"]) == (8, "mei")
    async with httpx.AsyncClient() as browser:
        address = mei.rest.base_url.join(shown["image"]["url"])
        assert (await browser.get(address, params={"token": customer.token})).status_code == 200
        assert (await browser.get(address)).status_code == 404
    assert (await mei.do("message", conversation, text="", image="nonsense"))["code"] == "not_available"


async def test_two_windows_do_not_answer_at_once(staffed, customer, mei):
    conversation = await taken(customer, mei)
    async with at_the_desk(staffed, "mei") as other:
        await other.send("open", conversation=conversation)
        await mei.send("draft", conversation=conversation, text="Dear cust")
        draft = await other.wait("draft", conversation=conversation)
        assert (draft["name"], draft["text"]) == ("mei", "Dear cust")
        refused = await other.do("message", conversation, text="Hi")
        assert (refused["code"], refused["by"]) == ("writing", "mei")
        seen = (await mei.do("message", conversation, text="Dear customer"))["seq"] - 1
        assert (await other.do("message", conversation, text="Hi", seen=seen))["code"] == "overtaken"
        assert (await other.do("message", conversation, text="Hi", seen=seen, force=True))["type"] == "ack"


async def test_passing_on_closing_and_the_customers_verdict(staffed, customer, mei):
    conversation = await taken(customer, mei)
    async with at_the_desk(staffed, "yun") as yun:
        assert (await mei.do("transfer", conversation, to={"agent": "yun"}, note="billing"))["type"] == "ack"
        await yun.wait("assigned", conversation=conversation, agent="yun", why="transfer")
        waiting = await customer.wait("mode", mode="waiting", agent="yun")
        assert waiting["open"] is True
        await yun.do("take", conversation)
        await customer.wait("mode", mode="human", agent="yun")
        await yun.do("close", conversation, outcome="solved", tags=["bill"])
        assert (await customer.wait("mode", mode="closed"))["rate"] is True
        await customer.send("feedback", id="f1", solved=True, score=5)
        await customer.wait("ack", id="f1")
        rated = await yun.wait("rated", conversation=conversation)
        assert (rated["score"], rated["solved"]) == (5, True)
        await customer.send("message", id="m9", text="one more thing")
        assert (await customer.wait("error", id="m9"))["code"] == "closed"
        await yun.do("reopen", conversation)
        await customer.wait("mode", after=len(customer.frames) - 3, mode="human")


async def test_somebody_is_asked_and_the_customer_is_told_who(customer, mei):
    await mei.send("presence", state="online")
    await customer.send("human", id="h1")
    assigned = await mei.wait("assigned", conversation=customer.conversation)
    assert (assigned["agent"], assigned["why"]) == ("mei", "routed")
    assert (await customer.wait("mode", mode="waiting", agent="mei"))["position"] >= 1


async def test_contact_details_are_checked(customer, mei):
    await customer.send("human", id="h1")
    await customer.send("contact", id="k1", phone="call me", email="")
    assert (await customer.wait("error", id="k1"))["code"] == "bad_frame"
    await customer.send("contact", id="k2", email="anna@example.com", note="after six")
    await customer.wait("ack", id="k2")
    left = await mei.wait("contact", conversation=customer.conversation)
    assert left["contact"] == {"email": "anna@example.com", "note": "after six"}


async def test_passages_are_found_for_agents(mei):
    found = (await mei.rest.get("/api/knowledge", params={"q": "reset my password", "lang": "en"})).json()
    assert found["passages"][0]["url"].startswith("/help/")


async def test_the_account_is_shown(customer, mei):
    await customer.say("how much data have I left on 19900000101")
    await customer.send("human", id="h1")
    await mei.wait("escalation", conversation=customer.conversation)
    view = (await mei.rest.get(f"/api/conversations/{customer.conversation}/customer")).json()
    assert view["customer"]["lines"][0]["phone"] == "19900000101"
    assert customer.conversation in [one["conversation"] for one in view["conversations"]]
