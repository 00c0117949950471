"""Customers at the help page of the running product."""

import os
import signal
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

QUESTIONS = {
    "zh": ("怎么重置登录密码", "重置“我的青禾”登录密码"),
    "en": ("how do I reset my password", "Reset your My Qinghe password"),
}
USAGE = {"zh": ("查剩余流量", "号码", "18.4GB"), "en": ("Check my data", "number", "18.4 GB")}
OTHER = {"zh": "en", "en": "zh"}


@contextmanager
def thinking(product):
    """Holds the turns up until the block ends."""
    pid = product.pids()["rasa"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_question_gets_an_answer_with_its_article(product, customer_in, language):
    question, title = QUESTIONS[language]
    customer = customer_in(language)
    customer.open_chat(product.url)
    with thinking(product):
        customer.say(question)
        expect(customer.typing).to_be_visible()
    expect(customer.answers).to_have_count(2)
    expect(customer.typing).to_have_count(0)
    expect(customer.citation).to_contain_text(title)

    customer.citation.click()
    expect(customer.page).to_have_url(f"{product.url}/help/reset-login-password")
    expect(customer.page.get_by_role("heading", level=1)).to_have_text(title)
    expect(customer.panel).to_be_visible()
    assert len(customer.context.pages) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_buttons_answer_and_are_spent(product, customer_in, language):
    label, asked, left = USAGE[language]
    customer = customer_in(language)
    customer.open_chat(product.url)
    customer.widget.get_by_role("button", name=label).click()
    expect(customer.own).to_have_text([label])
    expect(customer.answers.nth(1)).to_contain_text(asked)
    assert all(button.is_disabled() for button in customer.choices.all())
    customer.ask("199 0000 0101", left)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_language_of_the_chat_follows_the_customer(product, customer_in, language):
    customer = customer_in(language)
    customer.open_chat(product.url)
    expect(customer.composer).to_have_attribute("placeholder", customer.words["composer"])
    question, title = QUESTIONS[OTHER[language]]
    customer.say(question)
    expect(customer.citation).to_contain_text(title)
    expect(customer.composer).not_to_have_attribute("placeholder", customer.words["composer"])


def test_the_language_button_turns_page_and_chat(product, customer_in):
    customer = customer_in("zh")
    customer.open_chat(product.url)
    customer.page.get_by_role("banner").get_by_role("button", name="Switch to English").first.click()
    expect(customer.page.get_by_role("heading", level=1)).to_have_text("How can we help?")
    expect(customer.composer).to_have_attribute("placeholder", "Type your question")
    customer.page.reload()
    expect(customer.page.get_by_role("heading", level=1)).to_have_text("How can we help?")


def test_what_a_customer_types_stays_text(product, customer_in):
    customer = customer_in("en")
    customer.open_chat(product.url)
    attack = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script><b>bold</b>'
    customer.say(attack)
    expect(customer.own).to_have_text([attack])
    expect(customer.answers).to_have_count(2)
    assert customer.own.locator("img, script, b").count() == 0
    assert customer.page.evaluate("window.hurt") is None


def test_the_articles_are_found_and_read(product, customer_in):
    customer = customer_in("zh")
    page = customer.page
    page.goto(product.url)
    page.get_by_role("searchbox").fill("红灯")
    card = page.locator(".card", has_text="光猫 LOS 红灯闪烁")
    expect(card).to_be_visible()
    expect(page.locator(".card")).not_to_have_count(0)
    card.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("光猫 LOS 红灯闪烁")
    page.go_back()
    expect(card).to_be_visible()


def test_newcomers_find_the_codes_that_the_demo_sends(product, customer_in):
    customer = customer_in("en")
    customer.open_chat(product.url)
    customer.ask("what's my bill this month", "number")
    customer.ask("19900000103", "code")
    with customer.context.expect_page() as opened:
        customer.page.get_by_role("contentinfo").get_by_role("link", name="demo inbox").click(
            modifiers=["ControlOrMeta"]
        )
    code = opened.value.locator(".mail .digits").first.inner_text()
    opened.value.close()
    customer.ask(code, "¥")


@pytest.mark.parametrize("path", ["/", "/help/reset-login-password", "/demo/inbox"])
def test_nothing_is_wider_than_a_phone(product, customer_in, path):
    customer = customer_in("en", size=(390, 844))
    page = customer.page
    page.goto(product.url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if path == "/demo/inbox":
        return
    customer.button("launcher").click()
    expect(customer.answers).to_have_count(1)
    customer.ask("Bandwurmwort" * 20, "")
    box = customer.panel.bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    assert customer.panel.evaluate(
        "(panel) => [...panel.querySelectorAll('*')].every((e) => e.getBoundingClientRect().right <= 390.5)"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_alone_is_enough(product, customer_in):
    customer = customer_in("en")
    page = customer.page
    page.goto(product.url)
    expect(customer.button("launcher")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(customer.button("launcher")).to_be_focused()
    page.keyboard.press("Enter")
    expect(customer.composer).to_be_focused()
    expect(customer.choices.first).to_be_visible()
    # Back from the text field, through the suggestions, to the first of them.
    for _ in range(customer.choices.count()):
        page.keyboard.press("Shift+Tab")
    expect(customer.choices.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(customer.answers.nth(1)).to_contain_text("number")
    expect(customer.composer).to_be_focused()
    page.keyboard.type("how do I reset my password")
    page.keyboard.press("Enter")
    # The answer, then the open question again.
    expect(customer.citation).to_be_visible()
    expect(customer.bubbles.last).to_contain_text("number")
    page.keyboard.press("Escape")
    expect(customer.panel).to_have_count(0)
    expect(customer.button("launcher")).to_be_focused()
