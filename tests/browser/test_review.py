"""What a customer asked in vain is on the review list: labelled by keys, taken back, leading to its conversation."""

from playwright.sync_api import expect

from tests.browser.test_accessibility import findings
from tests.support.pages import Administrator

UNKNOWN = "my parrot learnt to imitate the ringing of my phone"


def test_a_message_is_labelled_by_keys_and_taken_back(product, browser, visitors, customer_in):
    customer = customer_in("en")
    customer.open_chat(product.url)
    customer.say(UNKNOWN)
    expect(customer.widget.locator(".row.bot").nth(1)).to_be_visible()

    visitors.append(admin := Administrator(browser, "en", size=(1366, 800)))
    page = admin.page
    admin.open(product.url, "review")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill(product.passwords["admin"])
    admin.button("login").click()
    page.get_by_role("searchbox").fill("parrot")
    row = page.locator(".review-item")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Not understood")
    assert findings(page) == []
    row.locator(".review-text").click()
    page.keyboard.press("o")
    expect(page.locator(".last-act")).to_contain_text("Out of scope")
    expect(row).to_have_count(0)
    page.keyboard.press("u")
    expect(row).to_have_count(1)
    row.get_by_role("combobox", name="Another intent").select_option(label="Just chatting")
    row.get_by_role("button", name="Label", exact=True).click()
    expect(row).to_have_count(0)
    page.get_by_role("combobox", name="State").select_option("labelled")
    expect(row).to_contain_text("Just chatting")
    row.get_by_role("link").click()
    expect(page.get_by_text(UNKNOWN).first).to_be_visible()
    page.goto(f"{product.url}/admin#/training")
    expect(page.get_by_role("button", name="Begin training")).to_be_enabled()
    expect(page.locator(".chip.new").first).to_have_text("In service")
    assert findings(page) == []
