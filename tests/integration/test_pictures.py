"""Customers show what they see: the picture is read, used, and there for the agent."""

import pytest

from tests.support.clients import Customer, log_in
from tests.support.drawings import chinese_font, screen
from tests.support.product import Product


@pytest.fixture
async def customer(product: Product):
    async with Customer(product.url) as connected:
        yield connected


async def test_an_error_in_a_picture_begins_the_diagnosis_with_that_fact(customer):
    await customer.hello("en")
    said = await customer.show(screen(["Connection failed", "Broadband error 691", "wrong user name or password"]))
    assert "691" in said[0]["text"]
    assert said[0]["text"].startswith("I can read this in your picture")
    assert said[-1]["step"]["kind"] in {"check", "fix"}
    # The code is known: it is not asked for.
    assert said[-1]["step"]["id"] != "check_dial_error"
    shown = next(one for one in customer.messages() if one["role"] == "customer")
    assert (shown["image"]["width"], shown["text"]) == (720, "")


@pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese characters: install fonts-noto-cjk")
async def test_a_picture_answers_the_open_question(customer):
    await customer.hello("zh")
    await customer.say("手机没信号，号码19900000101")
    said = await customer.show(screen(["14:32", "没有SIM卡", "87%"]))
    assert "没有SIM卡" in said[0]["text"]
    assert said[-1]["step"]["id"] == "reseat_sim_card"


async def test_what_cannot_be_read_is_asked_and_the_question_stays(customer):
    await customer.hello("en")
    asked = await customer.say("no signal on 19900000101")
    (said,) = await customer.show(screen([]))
    assert "in words" in said["text"]
    (labels,) = await customer.show(screen(["POWER   PON   LOS"]))
    assert "LOS" in labels["text"]
    answered = await customer.say("it says no SIM")
    assert answered[-1]["step"]["id"] != asked[-1]["step"]["id"]


async def test_the_agent_sees_the_picture_and_what_was_read(product, customer):
    await customer.hello("en")
    await customer.show(screen(["Error code: E-105"]), "what does this mean")
    await customer.send("human", id="h1")
    await customer.wait("mode", mode="waiting")
    uploaded = (await customer.upload(screen(["Emergency calls only"]))).json()
    await customer.send("image", id="p1", upload=uploaded["id"])
    await customer.wait("ack", id="p1")
    async with log_in(product.url, "lin", product.passwords["lin"]) as rest:
        page = (await rest.get(f"/api/conversations/{customer.conversation}")).json()
        shown = [one["image"] for one in page["messages"] if one.get("image")]
        assert len(shown) == 2
        first = (await rest.get(f"{shown[0]['url']}/text")).json()
        assert first["state"] == "read"
        assert "E-105" in first["telling"]
        assert (await rest.get(shown[1]["url"])).headers["content-type"] == "image/png"
        decisions = (await rest.get(f"/api/conversations/{customer.conversation}/decisions")).json()["items"]
        assert "E-105" in decisions[0]["picture"]["telling"]


async def test_a_picture_of_another_conversation_is_refused(product, customer):
    await customer.hello("en")
    async with Customer(product.url) as other:
        await other.hello("en")
        foreign = (await other.upload(screen(["secret"]))).json()
        other.conversation = customer.conversation
        assert (await other.upload(screen(["secret"]))).status_code == 401
    await customer.send("image", id="p1", upload=foreign["id"])
    assert (await customer.wait("error", id="p1"))["code"] == "bad_frame"
    await customer.send("image", id="p2", upload="../../secret")
    assert (await customer.wait("error", id="p2"))["code"] == "bad_frame"
