"""A customer talks to the running product, in both languages."""

import pytest

from server.gateway.tokens import Tokens
from tests.support.clients import Customer, log_in
from tests.support.product import Product


@pytest.fixture
async def customer(product: Product):
    async with Customer(product.url) as connected:
        yield connected


def texts(messages):
    return "\n".join(message["text"] for message in messages)


@pytest.mark.parametrize(
    ("locale", "question", "phone", "left"),
    [
        ("zh", "我还剩多少流量", "号码是 199 0000 0101", "18.4GB"),
        ("en", "how much data do I have left", "it's 19900000101", "18.4 GB"),
    ],
)
async def test_an_account_question_after_the_line_is_known(customer, locale, question, phone, left):
    await customer.hello(locale)
    asked = await customer.say(question)
    assert len(asked) == 1
    assert left not in texts(asked)
    assert left in texts(await customer.say(phone))


async def test_a_help_question_is_answered_with_its_article(customer):
    await customer.hello("zh")
    answer = await customer.say("怎么重置登录密码")
    assert answer[0]["citations"][0]["url"] == "/help/reset-login-password"
    assert answer[0]["citations"][0]["passage"] in answer[0]["text"]


async def test_the_language_follows_the_customer(customer):
    await customer.hello("zh")
    assert "号码" in texts(await customer.say("我的套餐什么时候到期"))
    assert "number" in texts(await customer.say("actually, could you answer in English please? it's about my plan"))


async def test_a_correction_repeats_the_question_for_the_other_line(customer):
    await customer.hello("en")
    await customer.say("how much data have I left")
    first = texts(await customer.say("19900000101"))
    await customer.say("no, the other number")
    second = texts(await customer.say("19900000106"))
    assert "0101" in first
    assert "0106" in second
    assert "GB" in second


async def test_a_question_in_the_middle_is_answered_and_the_open_one_asked_again(customer):
    await customer.hello("en")
    await customer.say("what's my bill this month")
    between = await customer.say("how do I reset my password")
    assert any(message.get("citations") for message in between)
    assert len(between) == 2
    assert "number" in between[-1]["text"]


async def test_bills_need_a_code_and_an_order_does_not(customer, product):
    await customer.hello("en")
    await customer.say("how much do I owe")
    asked = await customer.say("19900000102")
    assert "code" in texts(asked)
    assert "¥" not in texts(asked)


async def test_what_is_not_understood_is_clarified_once_and_then_handed_over(customer):
    await customer.hello("en")
    first = await customer.say("zxcv qwer uiop")
    assert first[0]["choices"]
    second = await customer.say("florp blizz wumble")
    assert texts(second)
    mode = await customer.wait("mode", mode="waiting")
    assert mode["reason"] in {"low_confidence", "out_of_scope"}


async def test_asking_for_a_person_hands_over_at_once(customer):
    await customer.hello("zh")
    said = await customer.say("转人工")
    assert texts(said)
    assert (await customer.wait("mode", mode="waiting"))["reason"] == "customer_asked"


async def test_danger_is_handed_over_first(customer):
    await customer.hello("zh")
    await customer.say("光猫冒烟了，有烧焦的味道！")
    assert (await customer.wait("mode", mode="waiting"))["reason"] == "safety"


async def test_a_choice_is_a_message(customer):
    await customer.hello("en")
    answer = await customer.choose("/check_data_usage")
    assert "number" in texts(answer)
    chosen = next(one for one in customer.messages() if one["role"] == "customer")
    assert chosen["text"] == "Check my data"
    assert chosen["client_id"]


async def test_starting_over_opens_a_new_conversation(customer):
    welcome = await customer.hello("en")
    await customer.say("hello")
    start = len(customer.frames)
    await customer.send("restart", id="r1")
    again = await customer.wait("welcome", after=start)
    assert again["conversation"] != welcome["conversation"]
    greeting = await customer.wait("message", after=start, seq=1)
    assert greeting["role"] == "bot"


async def test_a_customer_the_embedding_site_vouches_for_needs_no_code(product):
    signature = Tokens(product.secret()).identity("C-1002")
    async with Customer(product.url) as vouched:
        await vouched.hello("en", identity={"customer": "C-1002", "hmac": signature})
        assert "¥" in texts(await vouched.say("how much do I owe"))


async def test_a_new_intent_is_answered_from_the_next_message_on(product: Product, customer: Customer):
    body = {
        "label": {"zh": "宠物咬坏", "en": "Damage by a pet"},
        "do": "say",
        "text": {"zh": "宠物咬坏的线可以免费换。", "en": "A cable that a pet chewed is replaced for free."},
        "examples": ["my dog bit through the cable", "the cat chewed my charger", "our rabbit ate the plug"],
    }
    asked = "my parrot chewed through the charging cable"
    async with log_in(product.url, "admin", product.passwords["admin"]) as admin:
        made = await admin.put("/api/new-intents/pet_damage", json=body)
        assert made.status_code == 200, made.text
        try:
            await customer.hello("en")
            assert "replaced for free" in texts(await customer.say(asked))
        finally:
            assert (await admin.delete("/api/new-intents/pet_damage")).status_code == 204
    assert "replaced for free" not in texts(await customer.say(asked))


async def test_two_wishes_in_one_message_are_both_served(customer: Customer):
    await customer.hello("en")
    text = "where is my order QH48210937? and also how much data is left on 19900000101"
    said = texts(await customer.say(text))
    if "18.4 GB" not in said:
        assert "Check my data" in said
        said += texts(await customer.say("yes please"))
    assert "QH48210937" in said
    assert "18.4 GB" in said
