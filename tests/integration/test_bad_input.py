"""What no client should send: a clear error, and everybody else notices nothing."""

import json

import pytest

from tests.support.clients import Customer

HELLO = "say hello first"


@pytest.fixture
async def customer(product):
    async with Customer(product.url) as connected:
        yield connected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("", "bad_frame"),
        ("not json", "bad_frame"),
        ("[1, 2]", "bad_frame"),
        ('{"type": 7}', "bad_frame"),
        ('{"type": "dance"}', "bad_frame"),
        ('{"type": "message", "id": "a"}', "bad_frame"),
        ('{"type": "message", "id": "a", "text": 5}', "bad_frame"),
        ('{"type": "message", "text": "no id"}', "bad_frame"),
        ('{"type": "message", "id": "a", "text": "  "}', "bad_frame"),
        (json.dumps({"type": "message", "id": "a", "text": "x" * 10_000}), "too_large"),
        ('{"type": "choice", "id": "a", "seq": 1, "value": "/handoff_everything"}', "bad_frame"),
        ('{"type": "choice", "id": "a", "seq": -1, "value": "/greet"}', "bad_frame"),
        ('{"type": "feedback", "id": "a", "score": 99}', "bad_frame"),
        ('{"type": "read", "seq": "x"}', "bad_frame"),
        ('{"type": "image", "id": "a", "upload": "b"}', "bad_frame"),
        ('{"type": "voice_start", "id": "a", "rate": 44100}', "unsupported"),
        ('{"type": "voice_start", "rate": 16000}', "bad_frame"),
        ('{"type": "voice_end"}', "bad_frame"),
        ('{"type": "played", "seq": -1, "ms": 0}', "bad_frame"),
        (b"\x00\x01\x02\x03", "bad_frame"),
    ],
)
async def test_a_bad_frame_is_answered_and_the_chat_goes_on(customer, data, code):
    await customer.hello("en")
    await customer.send_raw(data)
    assert (await customer.wait("error"))["code"] == code
    assert (await customer.say("hello"))[0]["role"] == "bot"


async def test_a_frame_above_the_limit_closes_only_its_own_socket(product, customer):
    await customer.hello("en")
    async with Customer(product.url) as rude:
        await rude.hello("en")
        await rude.send_raw(json.dumps({"type": "message", "id": "a", "text": "x" * 100_000}))
        assert rude.closed is not None
        code, _ = await rude.closed
    assert code == 1009
    assert (await customer.say("hello"))[0]["role"] == "bot"


@pytest.mark.parametrize(
    "text", ["😭😭😭", "مرحبا، هاتفي لا يعمل", "\u202ereversed", "bell\x07 and \x1b[31mred", "{{7*7}} <b>x</b>"]
)
async def test_odd_text_is_a_message_like_any_other(customer, text):
    await customer.hello("en")
    await customer.say(text)
    stored = next(one for one in customer.messages() if one["role"] == "customer")["text"]
    assert "\x07" not in stored
    assert "\u202e" not in stored


@pytest.mark.parametrize("token", ["", "1.x.9999999999.AAAA", "☃", "a" * 5000])
async def test_a_forged_token_opens_nothing(product, customer, token):
    await customer.hello("en")
    async with Customer(product.url) as thief:
        await thief.send("hello", conversation=customer.conversation, token=token)
        assert (await thief.wait("error"))["code"] == "bad_token"
        await thief.send("message", id="a", text="hello")
        assert (await thief.wait("error", code="unknown_conversation"))["message"] == HELLO


async def test_a_token_opens_no_other_conversation(product, customer):
    await customer.hello("en")
    async with Customer(product.url) as other:
        await other.hello("en")
        start = len(other.frames)
        await other.send("hello", conversation=customer.conversation, token=other.token)
        assert (await other.wait("error", after=start))["code"] == "bad_token"


async def test_a_forged_identity_is_refused(product):
    async with Customer(product.url) as thief:
        await thief.send("hello", identity={"customer": "C1001", "hmac": "0" * 64})
        assert thief.closed is not None
        code, _ = await thief.closed
    assert code == 1008


async def test_a_site_that_is_not_allowed_cannot_connect(product):
    async with Customer(product.url, origin="https://evil.example") as stranger:
        assert stranger.closed is not None
        code, reason = await stranger.closed
    assert (code, reason) == (1008, "this site may not embed the chat")
    assert stranger.frames == []


async def test_a_flood_is_slowed_down(customer):
    await customer.hello("en")
    for index in range(300):
        await customer.send("message", id=f"m{index}", text="x")
    assert (await customer.wait("error", code="rate_limited"))["id"].startswith("m")


async def test_the_same_message_twice_is_one(customer):
    await customer.hello("en")
    await customer.say("hello")
    first = next(one for one in customer.messages() if one["role"] == "customer")
    start = len(customer.frames)
    await customer.send("message", id=first["client_id"], text="hello")
    assert (await customer.wait("ack", after=start))["seq"] == first["seq"]
