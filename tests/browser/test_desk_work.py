"""An agent's whole day at the desk, in real browsers: two agents, two customers, a supervisor."""

import re

import pytest
from playwright.sync_api import expect

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a73"
    "0000001349444154789c63b874ebdeff9b77191894a8040018b0049d48aa84640000000049454e44ae426082"
)


def escalate(product, customer, words):
    """A customer who waits for a person; `words` are what the queue shows."""
    customer.open_chat(product.url)
    customer.ask_for_person(words)
    return customer


def held(product, customer, agent, words):
    """A customer whom the agent serves."""
    escalate(product, customer, words)
    agent.open_row(words)
    agent.take()
    return customer


def test_two_agents_serve_two_customers_at_once(product, customer_in, at_desk):
    agents = {"wei": at_desk("zh", "wei"), "qin": at_desk("en", "qin")}
    customers = {
        "wei": escalate(product, customer_in("zh"), "帮我看看一号账单"),
        "qin": escalate(product, customer_in("en"), "please look at bill two"),
    }
    words = {"wei": "帮我看看一号账单", "qin": "please look at bill two"}
    for name, agent in agents.items():
        agent.open_row(words[name])
        agent.take()
    for name, agent in agents.items():
        agent.composer.press_sequentially(f"for {name} only", delay=1)
        agent.composer.press("Enter")
    for name, customer in customers.items():
        said = customer.widget.locator(".row.agent .bubble")
        expect(said).to_have_text([f"for {name} only"])
        customer.say(f"answer to {name}")
    for name, agent in agents.items():
        expect(agent.lines.last).to_contain_text(f"answer to {name}")
        # How far one's own words have come is told in words.
        expect(agent.page.locator(".line.agent .delivery").last).to_have_attribute("title", re.compile("已读|Read"))
        other = {"wei": "qin", "qin": "wei"}[name]
        expect(agent.lines.filter(has_text=f"to {other}")).to_have_count(0)
    # One looks into the other's conversation, and what she notes there is for colleagues alone.
    agents["wei"].page.get_by_role("tab", name="全部").click()
    agents["wei"].open_row("answer to qin")
    agents["wei"].composer.fill("the bill of last month, I think")
    agents["wei"].composer.press("Enter")
    note = agents["qin"].page.locator(".line.note")
    expect(note).to_contain_text("Internal note")
    expect(note).to_contain_text("the bill of last month, I think")
    agents["qin"].composer.press_sequentially("let me", delay=1)
    expect(agents["wei"].page.locator(".draft-line")).to_contain_text("秦朗 正在写：let me")
    assert not any("last month" in text for text in customers["qin"].transcript())


def test_help_with_writing(product, customer_in, at_desk):
    customer, agent = customer_in("en"), at_desk("en")
    held(product, customer, agent, "which plans are there")
    # A reply of one's own, with a variable, found again after a slash.
    agent.composer.press_sequentially("/")
    agent.page.get_by_role("button", name="New reply").click()
    agent.page.get_by_label("Shortcut (no spaces)").fill("hi")
    agent.page.get_by_label("Text", exact=True).fill("Good day, this is {agent}. {unknown}")
    agent.page.get_by_role("button", name="Save").click()
    replies = agent.page.get_by_role("listbox", name="Canned replies").get_by_role("option")
    expect(replies).not_to_have_count(0)
    agent.composer.press_sequentially("hi")
    expect(replies).to_have_count(1)
    expect(replies).to_contain_text("/hi")
    agent.composer.press("Enter")
    expect(agent.composer).to_have_value("Good day, this is 韦晴. {unknown}")
    agent.page.keyboard.type("What can I do?")
    agent.composer.press("Enter")
    expect(customer.bubbles.last).to_have_text("Good day, this is 韦晴. What can I do?")
    # The knowledge base, searched with the customer's words.
    agent.button("knowledge").click()
    agent.page.get_by_label("Search the help articles").fill("change the Wi-Fi password")
    found = agent.page.locator(".knowledge .picker-item").first
    expect(found).to_contain_text("Wi-Fi")
    found.get_by_role("button", name="Insert link").click()
    expect(agent.composer).to_have_value(re.compile(r"https?://\S+/help/\S+$"))
    agent.composer.press("Enter")
    expect(customer.bubbles.last.locator("a")).to_have_attribute("href", re.compile("/help/"))
    # A picture.
    agent.page.locator("input[type=file]").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": PNG})
    expect(agent.page.locator(".attached img")).to_be_visible()
    agent.composer.press("Enter")
    picture = customer.widget.locator(".picture img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0


def test_transfer_snooze_close_and_open_again(product, customer_in, at_desk):
    customer, first, second = customer_in("en"), at_desk("en", "wei"), at_desk("en", "qin")
    held(product, customer, first, "something about fibre")
    first.button("transfer").click()
    first.dialog.get_by_label("秦朗").check()
    first.dialog.get_by_label("Note for whoever takes over").fill("she moved house")
    first.dialog.get_by_role("button", name="Transfer").click()
    row = second.scroll_to_row("something about fibre")
    expect(row).to_contain_text("For you")
    expect(customer.status).to_contain_text("秦朗")
    row.click()
    expect(second.lines.filter(has_text="she moved house")).not_to_have_count(0)
    assert not any("moved house" in text for text in customer.transcript())
    second.take()
    expect(first.page.get_by_role("main")).to_contain_text("秦朗 has this conversation.")
    # Snoozed, it sleeps until the customer writes.
    second.confirm("snooze")
    expect(second.button("wake")).to_be_visible()
    customer.say("I have found the number")
    expect(second.button("wake")).to_have_count(0)
    expect(second.lines.filter(has_text="I have found the number")).to_have_count(1)
    # Closed with an outcome and tags; the customer says how it was.
    second.button("close").click()
    second.dialog.get_by_label("Needs follow-up").check()
    second.dialog.get_by_label("Tags").fill("fibre, moving")
    second.dialog.get_by_role("button", name="Close the conversation").click()
    expect(second.button("reopen")).to_be_visible()
    customer.widget.get_by_role("button", name="Not yet").click()
    customer.widget.locator(".star").nth(3).click()
    customer.widget.get_by_role("button", name="Send").click()
    expect(customer.widget.get_by_text("Thank you for telling us!")).to_be_visible()
    with customer.page.expect_download() as kept:
        customer.widget.get_by_role("button", name="Save this conversation").click()
    assert "I have found the number" in kept.value.path().read_text("utf-8")
    second.page.get_by_role("tab", name="Closed").click()
    expect(second.scroll_to_row("I have found the number")).to_contain_text("Needs follow-up")
    second.button("reopen").click()
    expect(second.composer).to_have_attribute("placeholder", second.words["reply"])
    second.reply("One more thing.")
    expect(customer.bubbles.last).to_have_text("One more thing.")


def test_back_to_the_bot_with_a_starting_point(product, customer_in, at_desk):
    customer, agent = customer_in("en"), at_desk("en")
    customer.open_chat(product.url)
    customer.say("how do I reset my password")
    expect(customer.citation).to_be_visible()
    customer.ask_for_person("it is about something else")
    agent.open_row("it is about something else")
    agent.take()
    # The bot's answer was not what was meant: one window says what it should have understood.
    wrong = agent.lines.filter(has=agent.page.locator(".cited"))
    wrong.hover()
    wrong.get_by_role("button", name="Mark wrong").click()
    agent.dialog.get_by_label("It should have understood").select_option("sim_activation")
    agent.dialog.get_by_role("button", name="Mark wrong").click()
    expect(wrong.locator(".marked")).to_contain_text("Marked wrong by 韦晴")
    agent.button("return").click()
    agent.dialog.get_by_label("With a topic").check()
    agent.dialog.locator("select").select_option("sim_activation")
    agent.dialog.get_by_role("button", name="Return to bot").click()
    expect(customer.citation).to_have_count(2)
    expect(customer.citation.last).to_contain_text("SIM")
    expect(agent.button("take_over")).to_be_visible()


def test_what_was_begun_as_a_note_stays_one(product, customer_in, at_desk):
    customer, agent = escalate(product, customer_in("en"), "wait a second"), at_desk("en")
    agent.open_row("wait a second")
    agent.composer.press_sequentially("he sounds upset", delay=1)
    agent.button("take").click()
    expect(agent.button("note_kind")).to_have_attribute("aria-pressed", "true")
    agent.composer.press("Enter")
    expect(agent.page.locator(".line.note")).to_contain_text("he sounds upset")
    assert not any("upset" in text for text in customer.transcript())


def test_waiting_told_truly_and_ended_at_will(product, customer_in, at_desk):
    first, second = (
        escalate(product, customer_in("en"), "first in line"),
        escalate(product, customer_in("en"), "second in line"),
    )
    place = re.compile(r"no\. (\d+) in the queue")
    expect(second.status).to_have_text(place)
    before = int(place.search(second.status.inner_text())[1])
    second.widget.get_by_role("button", name="Leave contact details").click()
    form = second.widget.get_by_role("form", name="Leave your contact details")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("alert")).to_contain_text("Please give a phone number")
    form.get_by_label("Phone number").fill("199 0000 0101")
    form.get_by_role("button", name="Send").click()
    expect(second.status).to_contain_text("We have your contact details")
    # Who is before them goes back to the bot: they move up.
    first.button("back").click()
    expect(first.status).to_be_hidden()
    expect(second.status).to_contain_text(f"no. {before - 1} in the queue")
    agent = at_desk("en")
    row = agent.scroll_to_row("second in line")
    expect(row).to_contain_text("Left contact details")
    row.click()
    expect(agent.page.locator(".contact-line")).to_contain_text("199 0000 0101")


def test_the_supervisor_sees_everything_and_takes_over(product, customer_in, at_desk):
    customer, agent, boss = customer_in("en"), at_desk("en", "wei"), at_desk("en", "shen")
    talker = customer_in("en")
    talker.open_chat(product.url)
    talker.say("how do I activate my SIM card")
    expect(talker.answers.nth(1)).to_be_visible()
    held(product, customer, agent, "an unhappy customer")
    boss.button("overview").click()
    row = boss.page.get_by_role("row").filter(has_text="韦晴")
    expect(row).to_contain_text("Online")
    expect(row.locator(".doing .chip")).not_to_have_count(0)
    expect(boss.page.locator(".tiles")).to_contain_text("With a person")
    expect(boss.page.locator(".card", has_text="Hand-off rate").locator(".measure")).not_to_have_count(0)
    # A conversation with the bot, listened to while it goes on.
    boss.page.locator(".live li").filter(has_text="SIM").first.get_by_role("button").click()
    expect(boss.lines.filter(has_text="how do I activate my SIM card")).to_have_count(1)
    talker.say("thank you")
    expect(boss.lines.filter(has_text="thank you")).to_have_count(1)
    # One that an agent has, taken over.
    boss.page.get_by_role("tab", name="Open").click()
    boss.open_row("an unhappy customer")
    boss.button("take_over").click()
    expect(boss.composer).to_have_attribute("placeholder", boss.words["reply"])
    expect(customer.status).to_contain_text("沈默然")
    expect(agent.page.get_by_role("main")).to_contain_text("沈默然 has this conversation.")


def test_the_keyboard_is_enough(product, customer_in, at_desk):
    agent = at_desk("en")
    customer = escalate(product, customer_in("en"), "keys only, please")
    row, page = agent.scroll_to_row("keys only, please"), agent.page
    page.keyboard.press("?")
    expect(agent.dialog).to_contain_text("Keyboard shortcuts")
    page.keyboard.press("Escape")
    expect(agent.dialog).to_have_count(0)
    # The list draws only the rows in sight, and the cursor takes it along.
    for _ in range(200):
        if row.and_(page.locator(".current")).count():
            break
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(agent.lines.filter(has_text="keys only, please")).to_have_count(1)
    page.keyboard.press("t")
    expect(agent.composer).to_be_focused()
    page.keyboard.type("by hand")
    page.keyboard.press("Enter")
    expect(customer.bubbles.last).to_have_text("by hand")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("noted")
    page.keyboard.press("Enter")
    expect(page.locator(".line.note")).to_contain_text("noted")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.get_by_role("tab", name="Customer")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    expect(agent.dialog).to_have_count(0)
    expect(agent.button("reopen")).to_be_visible()
    # What was said is found again, and the search opens it there.
    page.keyboard.press("f")
    page.keyboard.type("by hand")
    page.get_by_role("region", name="Search results").get_by_role("button").first.click()
    expect(page.locator(".line.sought")).to_contain_text("by hand")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_desk_on_a_phone(product, customer_in, at_desk, language):
    agent = at_desk(language, size=(390, 780))
    escalate(product, customer_in(language), f"small screen {language}")
    agent.open_row(f"small screen {language}")
    expect(agent.rows.first).to_be_hidden()
    agent.take()
    agent.reply("OK")
    width = agent.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    agent.page.locator(".talk-head .only-phone").first.click()
    expect(agent.rows.first).to_be_visible()
