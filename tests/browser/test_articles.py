"""An administrator at the help articles: edited, tried, published, asked for by a customer, and back; a document."""

from playwright.sync_api import expect

from tests.browser.test_accessibility import findings

ENGLISH = "## The box\nPut the card into the **turquoise frame** first, then into the phone.\n"
CHINESE = "## 卡托\n请先把卡放进**青绿色的卡托**，再装进手机。\n"
QUESTION = "how do I set up an eSIM on my phone"
MANUAL = """# Kite manual

## Flying the kite
Hold the line firmly and run against the wind until the kite is above the trees around you.

## Mending the kite
Glue the paper with the white glue that came with the kite, and let it dry for a whole night.
"""


def publish(admin, message):
    admin.button("publish").click()
    admin.dialog.locator("[name=message]").fill(message)
    assert findings(admin.page) == []
    admin.dialog.get_by_role("button", name="Publish", exact=True).click()
    expect(admin.dialog).to_have_count(0)
    expect(admin.page.locator(".bar-note")).to_contain_text("in service")


def test_an_article_from_the_draft_to_the_customer_and_back(product, administrator_in, customer_in):
    admin = administrator_in("en", size=(1400, 900))
    admin.open(product.url, "articles")
    admin.page.get_by_label("Search").fill("eSIM scan")
    admin.page.get_by_role("link", name="eSIM: order").click()
    panel = admin.page.get_by_role("tabpanel")
    for language, markdown in (("en", ENGLISH), ("zh", CHINESE)):
        panel.locator(f'[name="{language}.markdown"]').fill(markdown)
    panel.locator('[name="en.summary"]').fill("")
    expect(panel.get_by_text("The English summary is missing")).to_be_visible()
    panel.locator('[name="en.summary"]').fill("How an eSIM gets into the phone.")
    expect(admin.page.get_by_text("All changes are saved.")).to_be_visible()
    assert findings(admin.page) == []
    admin.page.get_by_role("tab", name="Preview").click()
    expect(panel.locator("strong", has_text="turquoise frame")).to_be_visible()
    expect(panel.locator("strong", has_text="青绿色的卡托")).to_be_visible()
    assert findings(admin.page) == []
    admin.page.get_by_role("tab", name="Try it").click()
    panel.get_by_label("Question").fill(QUESTION)
    panel.get_by_role("button", name="Ask").click()
    expect(panel.get_by_role("region", name="With this draft")).to_contain_text("turquoise frame")
    expect(panel.get_by_role("region", name="In service").locator(".bubble")).not_to_contain_text("turquoise")
    assert findings(admin.page) == []
    publish(admin, "The frame")

    customer = customer_in("en")
    customer.page.goto(f"{product.url}/help/esim-setup")
    expect(customer.page.locator("main")).to_contain_text("turquoise frame")
    customer.open_chat(product.url)
    customer.ask(QUESTION, "turquoise frame")

    admin.page.get_by_role("link", name="eSIM: order").click()
    admin.page.get_by_role("tab", name="Questions").click()
    expect(panel.get_by_text(QUESTION)).to_be_visible()
    admin.open(product.url, "articles/~history")
    admin.versions.first.get_by_role("button", name="Changes").click()
    expect(admin.versions.first.locator("ins").first).to_be_visible()
    assert findings(admin.page) == []
    admin.roll_back(1, "Not yet")
    customer.page.goto(f"{product.url}/help/esim-setup")
    expect(customer.page.locator("main")).to_contain_text("QR code")


def test_a_document_becomes_an_article(product, administrator_in, tmp_path):
    admin = administrator_in("en", size=(1400, 900))
    admin.open(product.url, "articles/~documents")
    manual = tmp_path / "kite.md"
    manual.write_text(MANUAL)
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + b"\xff" * 900)
    chooser = admin.page.locator("input[type=file]")
    chooser.set_input_files(broken)
    expect(admin.page.locator(".page .problem")).to_contain_text("damaged")
    chooser.set_input_files(manual)
    pieces = admin.page.locator(".piece")
    expect(pieces).to_have_count(2)
    assert findings(admin.page) == []
    pieces.nth(1).get_by_role("checkbox").uncheck()
    pieces.first.locator("[name=id]").fill("kite-flying")
    admin.page.get_by_role("button", name="Take 1 as a draft").click()
    expect(admin.page.get_by_text("One draft is not published yet.")).to_be_visible()
    assert findings(admin.page) == []
    publish(admin, "Kites")
    assert (
        "against the wind" in admin.page.request.get(f"{product.url}/api/articles/kite-flying?lang=en").json()["html"]
    )
    admin.page.get_by_role("link", name="Flying the kite").click()
    # As it was, for whoever looks for articles next.
    admin.page.get_by_role("button", name="Remove the article").click()
    admin.dialog.get_by_role("button", name="Remove the article").click()
    expect(admin.page.get_by_text("This draft removes the article")).to_be_visible()
    expect(admin.page.get_by_text("All changes are saved.")).to_be_visible()
    publish(admin, "No kites")
    assert admin.page.request.get(f"{product.url}/api/articles/kite-flying?lang=en").status == 404
