"""Administrators at the console: from a new fault to its publication and back, two at one draft, the other pages."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import findings

# What is added: a fault that a customer can see and mend, in both languages.
FAULT = ("光猫电源松了", "The modem's power plug is loose")
CHECK = ("看电源插头", "Look at the power plug")
FIX = ("插紧电源", "Push the plug in")
QUESTIONS = (
    ("光猫的电源插头松了吗？", "Is the modem's power plug loose?"),
    ("请摸一下插头：松吗？", "Please feel the plug: loose?"),
)
STEPS = (
    ("请把光猫的电源插头插紧。", "Please push the modem's power plug in."),
    ("用力插紧插头。", "Push the plug in firmly."),
)


def fill(admin, field, wordings):
    for index, pair in enumerate(wordings):
        for language, words in zip(("zh", "en"), pair, strict=True):
            admin.field(f"{field}.{index}.{language}").fill(words)


def test_a_fault_is_added_tried_published_and_rolled_back(product, administrator_in):
    admin = administrator_in("en", size=(1500, 900))
    admin.open(product.url)
    admin.begin_draft()
    admin.find("Line or modem down")
    admin.add("fault", *FAULT)
    admin.field("prior").fill("30")
    # A fault that nobody can mend is named at once, and the list leads to it.
    admin.tab("problems").click()
    problem = admin.page.locator(".jump-list").get_by_role("button", name=FAULT[1])
    problem.click()
    expect(admin.form.locator("h3")).to_have_text(FAULT[1])
    admin.add("check", *CHECK)
    fill(admin, "ask", QUESTIONS)
    admin.find(FAULT[1])
    admin.add("fix", *FIX)
    fill(admin, "do", STEPS)
    # Dear enough to be looked at before it is tried.
    admin.field("cost").fill("6")
    admin.tab("problems").click()
    expect(admin.page.locator(".jump-list .error")).to_have_count(0)

    admin.tab("try").click()
    bars = admin.page.locator(".bars li")
    before = bars.filter(has_text=FAULT[1]).locator(".share").inner_text()
    # Whatever comes first is not known to the customer, until the new check is asked.
    while admin.page.locator(".step-text").inner_text() != QUESTIONS[0][1]:
        admin.answer(admin.page.locator(".options button").last.inner_text())
    admin.answer("Yes")
    expect(bars.first).to_contain_text(FAULT[1])
    assert bars.first.locator(".share").inner_text() != before
    expect(admin.page.locator(".step-text")).to_have_text(STEPS[0][1])
    admin.button("case_save").click()
    admin.dialog.locator("[name=title]").fill("Loose power plug")
    admin.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(admin.dialog).to_have_count(0)

    admin.publish("The power plug of the modem")
    newest = admin.versions.first
    expect(newest).to_contain_text("In service")
    newest.get_by_role("button", name="Changes").click()
    expect(newest.locator(".diff-node")).to_have_count(4)
    expect(newest.locator(".diff")).to_contain_text(FAULT[1])

    admin.roll_back(1, "Not yet")
    expect(admin.versions.first).to_contain_text("In service")
    admin.page.get_by_role("link", name="Test cases").click()
    row = admin.page.get_by_role("row", name="Loose power plug")
    expect(row).to_contain_text("No internet at home")
    row.get_by_role("button").click()
    admin.dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)


def test_undo_keys_and_the_list(product, administrator_in):
    admin = administrator_in("zh", size=(1500, 900))
    admin.open(product.url)
    admin.begin_draft()
    admin.find("光猫死机")
    name = admin.field("name.zh")
    name.fill("光猫卡死")
    expect(admin.form.locator("h3")).to_have_text("光猫卡死")
    admin.page.keyboard.press("Control+z")
    expect(name).to_have_value("光猫死机")
    admin.page.keyboard.press("Control+y")
    expect(name).to_have_value("光猫卡死")
    admin.button("undo").click()
    expect(admin.button("redo")).to_be_enabled()
    # From the list with keys alone: to the next node, into its form; deleted and brought back.
    row = admin.nodes.locator("[aria-selected=true]")
    row.focus()
    admin.page.keyboard.press("ArrowDown")
    expect(admin.form.locator("h3")).not_to_have_text("光猫死机")
    below = admin.form.locator("h3").inner_text()
    admin.page.keyboard.press("Delete")
    expect(admin.form).to_have_count(0)
    expect(admin.nodes.get_by_text(below, exact=True)).to_have_count(0)
    admin.page.keyboard.press("Control+z")
    admin.find(below)
    admin.page.locator(".picture").focus()
    admin.page.keyboard.press("ArrowLeft")
    expect(admin.form.locator("h3")).not_to_have_text(below)
    admin.page.keyboard.press("Enter")
    expect(admin.field("name.zh")).to_be_focused()


def test_two_at_one_draft(product, administrator_in):
    first, second = administrator_in("en", size=(1500, 900)), administrator_in("en", size=(1500, 900))
    first.open(product.url)
    first.begin_draft()
    address = first.page.url
    second.page.goto(address)
    for admin in (first, second):
        admin.find("The fibre modem has hung up")
    # In different fields both changes stay; in the same one the second is asked.
    second.page.route("**/api/graph", lambda route: route.abort())
    first.field("prior").fill("21")
    expect(first.saved).to_be_visible()
    second.field("name.en").fill("The fibre modem hangs")
    expect(second.field("prior")).to_have_value("21")
    expect(second.page.locator(".bar-note")).to_contain_text("changing this draft too")
    first.page.route("**/api/graph", lambda route: route.abort())
    second.field("prior").fill("25")
    expect(second.saved).to_be_visible()
    first.field("prior").fill("17")
    expect(first.dialog).to_contain_text("25 %")
    expect(first.dialog).to_contain_text("17 %")
    first.dialog.get_by_role("button", name="Keep mine").click()
    expect(first.field("name.en")).to_have_value("The fibre modem hangs")
    expect(first.saved).to_be_visible()
    second.page.reload()
    second.find("The fibre modem hangs")
    expect(second.field("prior")).to_have_value("17")


def test_a_draft_is_merged_with_what_was_published_meanwhile(product, administrator_in):
    first, second = administrator_in("en", size=(1500, 900)), administrator_in("zh", size=(1500, 900))
    for admin, finding, prior in ((first, "The router has no power", "9"), (second, "路由器没有通电", "11")):
        admin.open(product.url)
        admin.begin_draft()
        admin.find(finding)
        admin.field("prior").fill(prior)
        expect(admin.saved).to_be_visible()
    second.publish("路由器断电更常见")
    expect(first.page.locator(".draft-name .warned")).to_be_visible()
    first.find("The router has hung up")
    first.field("prior").fill("19")
    first.button("merge").click()
    expect(first.dialog).to_contain_text("11 %")
    first.dialog.get_by_label("Mine").check()
    first.dialog.get_by_role("button", name=first.words["merge"], exact=True).click()
    expect(first.dialog).to_have_count(0)
    first.publish("Both priors")
    newest = first.versions.first
    newest.get_by_role("button", name="Changes").click()
    expect(newest.locator(".diff-node")).to_have_count(2)
    expect(newest.locator(".diff")).to_contain_text("11 %9 %")
    # As it was before, for whoever diagnoses next.
    first.roll_back(2, "As before")


def test_only_administrators(product, at_desk):
    agent = at_desk("en")
    agent.page.goto(f"{product.url}/admin")
    expect(agent.page.get_by_text("This is for administrators")).to_be_visible()
    expect(agent.page.locator(".navigation")).to_have_count(0)


def test_the_content_lists_are_edited(product, administrator_in):
    admin = administrator_in("en")
    admin.open(product.url, "content")
    phrases = admin.page.locator(".lists").filter(has_text="Never in a reply").get_by_label("Looked for")
    kept = phrases.input_value()
    phrases.fill(f"{kept}\nfree unicorn")
    admin.button("save").click()
    expect(admin.page.locator(".bar-note")).to_contain_text("in force")
    admin.page.get_by_label("Try a sentence").fill("You get a free unicorn")
    expect(admin.page.locator(".verdicts")).to_contain_text("free unicorn")
    phrases.fill(kept)
    admin.button("save").click()
    admin.page.get_by_role("link", name="Audit log").click()
    admin.page.get_by_label("Search").fill("content")
    expect(admin.page.get_by_role("row", name="Saved the content lists").first).to_be_visible()


def test_a_notice_reaches_customers_of_its_area_in_place_of_a_diagnosis(product, administrator_in, customer_in):
    admin = administrator_in("en", size=(1300, 900))
    admin.open(product.url, "outages")
    admin.page.get_by_role("button", name="New notice").click()
    publish = admin.dialog.get_by_role("button", name="Publish")
    field = {path: admin.dialog.locator(f'[data-path="{path}"]') for path in ("places", "intents.fault_broadband")}
    for path, words in {
        "title.zh": "余杭区宽带抢修", "title.en": "Broadband repair in Yuhang",
        "text.zh": "一条主干光缆断了，正在抢修。", "text.en": "A trunk cable was cut and is being repaired.",
    }.items():  # fmt: skip
        admin.dialog.locator(f'[data-path="{path}"]').fill(words)
    field["places"].fill("余杭区")
    field["places"].press("Enter")
    expect(admin.dialog.locator(".chosen .chip")).to_contain_text("Yuhang")
    expect(admin.dialog).to_contain_text("at least one trouble")
    expect(publish).to_be_disabled()
    field["intents.fault_broadband"].check()
    assert findings(admin.page) == []
    publish.click()
    card = admin.page.locator(".outage").first
    expect(card).to_contain_text("Broadband repair in Yuhang")

    there, elsewhere = customer_in("en"), customer_in("en")
    there.open_chat(product.url)
    elsewhere.open_chat(product.url)
    there.ask("I'm in Yuhang district and there is no internet at home", "trunk cable")
    elsewhere.say("I'm in Chengdu and there is no internet at home")
    expect(elsewhere.widget.locator(".choice").last).to_be_visible()
    expect(elsewhere.bubbles.last).not_to_contain_text("trunk cable")
    there.widget.get_by_role("button", name="That's not it, please check").click()
    expect(there.own.last).to_contain_text("That's not it")
    expect(there.answers).to_have_count(3)
    expect(there.answers.last).not_to_contain_text("trunk cable")

    admin.page.reload()
    expect(card.locator("dl")).to_contain_text("Customers told1")
    card.get_by_role("button", name="End it").click()
    admin.dialog.get_by_role("button", name="End it").click()
    expect(there.bubbles.last).to_contain_text("this outage is over")
    expect(elsewhere.widget.get_by_text("this outage is over")).to_have_count(0)


def test_the_company_is_changed_while_it_runs_and_rolled_back(product, administrator_in, customer_in):
    admin = administrator_in("en", size=(1300, 900))
    admin.open(product.url, "settings")
    form = admin.page.locator(".settings-form")
    kept = form.locator('[name="greeting.en"]').input_value()
    form.locator('[name="colours.primary"]').fill("#FFEE00")
    expect(form.locator(".problem", has_text="4.5 : 1")).to_be_visible()
    expect(admin.button("save")).to_be_disabled()
    left = form.locator(".bound-coverage")
    expect(left).to_contain_text("English: at 5 % the bot acts on")
    form.locator('[name="service.risk_bound"]').fill("1")
    expect(left).to_contain_text("English: at 1 % the bot acts on")
    assert findings(admin.page) == []
    form.locator('[name="colours.primary"]').fill("#1B4F8A")
    form.locator('[name="greeting.en"]').fill("Hello from the new settings.")
    expect(admin.page.locator(".preview-bot").first).to_have_text("Hello from the new settings.")
    admin.button("save").click()
    expect(admin.page.get_by_role("status").last).to_contain_text("in force")
    customer = customer_in("en")
    customer.open_chat(product.url)
    expect(customer.bubbles.first).to_contain_text("Hello from the new settings.")

    admin.page.get_by_role("link", name="History").last.click()
    assert findings(admin.page) == []
    seed = admin.page.locator(".version").last
    seed.get_by_role("button", name="Bring this one back").click()
    admin.dialog.get_by_role("button", name="Bring this one back").click()
    expect(admin.page.locator(".version").first).to_contain_text("Back to version 1")
    later = customer_in("en")
    later.open_chat(product.url)
    expect(later.bubbles.first).to_contain_text(kept[:30])


def test_an_experiment_is_begun_met_and_ended(product, administrator_in, customer_in):
    admin = administrator_in("en", size=(1300, 900))
    admin.open(product.url, "experiments")
    admin.page.get_by_role("button", name="New experiment").click()
    admin.dialog.locator('[name="name"]').fill("A warmer thank-you")
    admin.dialog.locator('[name="kind"]').select_option("text")
    admin.dialog.locator('[name="target"]').select_option("talk.welcome")
    admin.dialog.locator('[name="share"]').fill("100")
    for language, words in (("zh", "不客气，很高兴帮到您！"), ("en", "My pleasure, truly!")):
        admin.dialog.locator(f'[name="texts.{language}"]').fill(words)
    expect(admin.dialog.locator(".plan")).to_contain_text("customers with an outcome are needed")
    assert findings(admin.page) == []
    admin.dialog.get_by_role("button", name="Begin").click()
    card = admin.page.get_by_role("region", name="A warmer thank-you")
    expect(card).to_contain_text("Too early")
    card.get_by_role("button", name="Adopt B").click()
    admin.dialog.get_by_role("button", name="Adopt B").click()
    expect(card).to_contain_text("B adopted")
    customer = customer_in("en")
    customer.open_chat(product.url)
    customer.ask("thank you very much", "My pleasure, truly!")
    card.get_by_role("button", name="Back to A").click()
    admin.dialog.get_by_role("button", name="End it, keep A").click()
    expect(card).to_contain_text("over")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_serious_for_accessibility(product, administrator_in, dark):
    admin = administrator_in("zh" if dark else "en", size=(1400, 860), dark=dark)
    graph = ("history", "cases", "analysis", "priors", "outages", "proposals", "graph")
    for page in ("figures", "experiments", "settings", "audit", "content", "intents", "account", *graph):
        admin.open(product.url, page)
        expect(admin.page.locator(".page h2")).to_be_visible()
        expect(admin.page.locator(".page .empty", has_text="…")).to_have_count(0)
        assert findings(admin.page) == [], page
    admin.begin_draft()
    row = admin.nodes.get_by_role("treeitem").first
    row.click()
    expect(admin.form).to_be_visible()
    assert findings(admin.page) == []
    for name in ("try", "problems"):
        admin.tab(name).click()
        assert findings(admin.page) == []
    admin.button("publish").click()
    expect(admin.dialog.locator(".diff, .empty").first).to_be_visible()
    assert findings(admin.page) == []
    admin.page.keyboard.press("Escape")
    admin.tab("edit").click()
    admin.form.get_by_role("button", name=f"+ {admin.words['fault']}", exact=True).click()
    assert findings(admin.page) == []
