"""A customer and an agent, each in a browser of their own, on the running product."""

import re
import time

import httpx
import pytest
from playwright.sync_api import expect

from server.gateway import totp

SCENES = {
    "zh": {
        "question": "我还剩多少流量",
        "phone": "19900000101",
        "answer": "18.4GB",
        "reason": "客户要求人工",
        "slot": "客户编号",
        "waiting": "我先等一下",
        "with": "韦晴 正在为您服务",
        "typing": "韦晴 正在输入…",
        "customer_typing": "客户正在输入",
        "hello": "您好，我是韦晴。",
        "more": "账单也想看一下",
        "reply": "好的，我来查。",
        "again": "我还剩多少流量？",
    },
    "en": {
        "question": "how much data have I left",
        "phone": "19900000103",
        "answer": "GB",
        "reason": "Customer asked for a person",
        "slot": "Customer no.",
        "waiting": "I will wait then",
        "with": "韦晴 is with you",
        "typing": "韦晴 is typing…",
        "customer_typing": "The customer is typing",
        "hello": "Hello, this is Wei Qing.",
        "more": "I would like to see my bill as well",
        "reply": "Of course, let me look.",
        "again": "how much data have I left?",
    },
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_to_a_person_and_back(product, customer_in, at_desk, language):
    scene = SCENES[language]
    customer, agent = customer_in(language), at_desk(language)
    customer.open_chat(product.url)
    customer.say(scene["question"])
    expect(customer.answers).to_have_count(2)
    customer.ask(scene["phone"], scene["answer"])
    said = customer.answers.all_inner_texts()
    customer.ask_for_person(scene["waiting"])

    # The queue tells why; the conversation opens with all that the bot knew.
    expect(agent.scroll_to_row(scene["waiting"])).to_contain_text(scene["reason"])
    agent.open_row(scene["waiting"])
    expect(agent.lines.filter(has_text=scene["phone"])).to_have_count(1)
    assert [agent.lines.filter(has_text=text).count() for text in said] == [1, 1, 1]
    panel = agent.context_panel
    expect(panel.locator(".why")).to_contain_text(scene["reason"])
    expect(panel.locator(".measure-value").first).to_have_text(re.compile(r"^([5-9]\d|100)%$"))
    expect(panel.get_by_text(scene["slot"], exact=True)).to_be_visible()

    agent.take()
    expect(customer.status).to_have_text(scene["with"])
    agent.composer.press_sequentially(scene["hello"])
    expect(customer.typing).to_contain_text(scene["typing"])
    agent.composer.press("Enter")
    expect(customer.widget.locator(".row.agent .bubble").last).to_have_text(scene["hello"])
    customer.composer.press_sequentially(scene["more"])
    expect(agent.page.get_by_text(scene["customer_typing"])).to_be_visible()
    customer.composer.press("Enter")
    expect(agent.lines.last).to_contain_text(scene["more"])
    agent.reply(scene["reply"])
    expect(customer.bubbles.last).to_have_text(scene["reply"])
    # The question between the agent's two messages is the agent's to answer.
    assert customer.answers.all_inner_texts() == said

    agent.confirm("return")
    expect(customer.status).to_be_hidden()
    customer.ask(scene["again"], scene["answer"])
    texts = [line.inner_text().strip() for line in agent.lines.locator(".line-text").all()]
    assert [texts.count(scene[name]) for name in ("hello", "more", "reply")] == [1, 1, 1]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_click_on_a_bot_message_says_why_it_was_said(product, customer_in, at_desk, language):
    question = {"zh": "怎么重置登录密码", "en": "how do I reset my password"}[language]
    customer, agent = customer_in(language), at_desk(language)
    customer.open_chat(product.url)
    customer.say(question)
    expect(customer.citation).to_be_visible()
    customer.ask_for_person(f"({language}) ?!")
    agent.open_row(f"({language}) ?!")
    agent.lines.filter(has=agent.page.locator(".cited")).locator(".line-text").click()
    panel = agent.context_panel
    expect(panel.get_by_role("tab", name=agent.words["decision"])).to_have_attribute("aria-selected", "true")
    expect(panel.locator(".quoted")).to_have_text(question)
    expect(panel.locator(".measure-name").first).to_have_attribute("title", "reset_password")
    expect(panel.locator(".measure-name").first).to_have_text({"zh": "重置密码", "en": "Reset my password"}[language])
    expect(panel.locator(".decisions li").first).to_contain_text("action_answer")
    expect(panel.locator(".decisions li").first).to_contain_text("RulePolicy")
    expect(panel.locator(".passage a")).to_have_attribute("href", f"{product.url}/help/reset-login-password")
    expect(panel.locator(".fine").first).to_contain_text("r-")


def test_markup_stays_text_at_the_desk(product, customer_in, at_desk):
    customer, agent = customer_in("en"), at_desk("en")
    customer.open_chat(product.url)
    attack = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'
    customer.ask_for_person(attack)
    agent.open_row(attack)
    expect(agent.lines.filter(has_text=attack)).to_have_count(1)
    agent.take()
    agent.reply(attack.replace("hurt", "harm"))
    expect(customer.widget.locator(".row.agent .bubble")).to_have_text([attack.replace("hurt", "harm")])
    assert agent.page.locator(".desk img, .desk script").count() == 0
    assert customer.widget.locator("img, script").count() == 0
    assert agent.page.evaluate("[window.hurt, window.harm]") == [None, None]
    assert customer.page.evaluate("[window.hurt, window.harm]") == [None, None]


def test_two_agents_see_who_has_a_conversation(product, customer_in, at_desk):
    customer, first, second = customer_in("en"), at_desk("en", "wei"), at_desk("en", "qin")
    customer.open_chat(product.url)
    customer.ask_for_person("only one of you, please")
    for agent in (first, second):
        agent.open_row("only one of you, please")
    first.take()
    expect(second.page.get_by_role("main")).to_contain_text("韦晴 has this conversation.")
    expect(second.button("take")).to_have_count(0)
    customer.say("thank you both")
    second.page.reload()
    second.page.get_by_role("tab", name="Open").click()
    expect(second.scroll_to_row("thank you both")).to_contain_text("韦晴")


def test_a_wrong_password_is_said(product, agent_in):
    agent = agent_in("en")
    agent.log_in(product.url, "wei", "not-the-password")
    expect(agent.page.get_by_role("alert")).to_have_text("The user name or the password is not right.")
    assert agent.rows.count() == 0


def test_a_second_factor_is_asked_for_and_accepted(product, agent_in):
    product.add_staff("liu", shown="柳明")
    step = int(time.time()) // totp.STEP_S
    login = {"username": "liu", "password": product.passwords["liu"]}
    with httpx.Client(base_url=product.url, headers={"X-Kefu": "1"}) as client:
        assert client.post("/api/session", json=login).status_code == 200
        secret = client.post("/api/session/second-factor").json()["secret"]
        code = totp.code_at(secret, step)
        assert client.put("/api/session/second-factor", json={"code": code}).status_code == 204
    agent = agent_in("en")
    agent.log_in(product.url, "liu", product.passwords["liu"])
    field = agent.page.get_by_label("Code from your authenticator app")
    expect(field).to_be_focused()
    field.fill(code)  # it was used to confirm the secret, and works once
    field.press("Enter")
    expect(agent.page.get_by_role("alert")).to_contain_text("This code is not right")
    field.fill(totp.code_at(secret, step + 1))
    field.press("Enter")
    expect(agent.page.get_by_text("柳明")).to_be_visible()
