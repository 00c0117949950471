"""What axe-core finds on the pages, and nothing serious may be among it."""

import pytest
from playwright.sync_api import expect

from tests.support.product import ROOT

AXE = ROOT / "server" / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHECK = """async () => {
    const found = await axe.run(document, { resultTypes: ['violations'] });
    return found.violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}"""


def findings(page):
    # Evaluated by the debugger: the pages' content security policy lets no script tag in.
    page.evaluate(AXE.read_text("utf-8"))
    return page.evaluate(CHECK)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_help_page_and_the_chat(product, customer_in, language, dark):
    customer = customer_in(language, dark=dark)
    page = customer.page
    page.goto(product.url)
    expect(page.locator(".topic").first).to_be_visible()
    assert findings(page) == []
    customer.open_chat(f"{product.url}/help/reset-login-password")
    customer.say({"zh": "怎么重置登录密码", "en": "how do I reset my password"}[language])
    expect(customer.citation).to_be_visible()
    assert findings(page) == []
    customer.human.click()
    expect(customer.status).to_contain_text(customer.words["waiting"])
    customer.status.get_by_role("button").click()
    expect(customer.widget.get_by_role("form").first).to_be_visible()
    assert findings(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_overview(product, agent_in, dark):
    boss = agent_in("zh", dark=dark)
    boss.log_in(product.url, "admin", product.passwords["admin"])
    boss.button("overview").click()
    expect(boss.page.locator(".tiles")).to_be_visible()
    assert findings(boss.page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_desk(product, customer_in, agent_in, dark):
    customer, agent = customer_in("en"), agent_in("en", size=(1440, 860), dark=dark)
    customer.open_chat(product.url)
    customer.say("how do I reset my password")
    expect(customer.citation).to_be_visible()
    customer.ask_for_person(f"dark {dark}")
    agent.page.goto(f"{product.url}/desk")
    expect(agent.button("login")).to_be_visible()
    assert findings(agent.page) == []
    agent.log_in(product.url, "chen", product.passwords["chen"])
    agent.open_row(f"dark {dark}")
    expect(agent.context_panel.locator(".measure").first).to_be_visible()
    assert findings(agent.page) == []
    agent.take()
    expect(agent.composer).to_be_focused()
    agent.lines.filter(has=agent.page.locator(".cited")).locator(".line-text").click()
    expect(agent.context_panel.locator(".decisions")).to_be_visible()
    assert findings(agent.page) == []
    agent.page.get_by_role("tab", name="Customer").click()
    agent.button("knowledge").click()
    expect(agent.page.locator(".knowledge .picker-item").first).to_be_visible()
    assert findings(agent.page) == []
    agent.page.keyboard.press("Escape")
    for window in ("transfer", "snooze", "return", "close"):
        agent.button(window).click()
        expect(agent.dialog).to_be_visible()
        assert findings(agent.page) == []
        agent.page.keyboard.press("Escape")
        expect(agent.dialog).to_have_count(0)
    agent.page.locator(".talk-head h2").click()
    agent.page.keyboard.press("?")
    expect(agent.dialog).to_be_visible()
    assert findings(agent.page) == []
    agent.page.keyboard.press("Escape")
    agent.close_conversation()
    expect(customer.widget.locator(".star").first).to_be_visible()
    assert findings(customer.page) == []


@pytest.mark.parametrize("path", ["/demo/inbox", "/api/docs"])
def test_the_other_pages(product, customer_in, path):
    page = customer_in("zh").page
    page.goto(product.url + path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert findings(page) == []
