"""The figures page: drawn with the targets as lines, read by keys, narrowed, and downloaded as it is shown."""

import csv
import time

from playwright.sync_api import expect

from tests.browser.test_accessibility import findings

COUNTED_WITHIN_S = 60


def test_the_figures_are_drawn_with_their_targets_and_downloaded(product, administrator_in, customer_in):
    customer = customer_in("en")
    customer.open_chat(product.url)
    customer.ask("how do I reset my password", "password")
    admin = administrator_in("en", size=(1300, 900))
    admin.open(product.url, "figures")
    page = admin.page
    plots = page.locator(".days-plot")
    expect(plots.first).to_be_visible()

    def counted():
        return page.request.get(f"{product.url}/api/figures").json()

    end = time.monotonic() + COUNTED_WITHIN_S
    while not (found := counted())["total"]["requests"] and time.monotonic() < end:
        page.wait_for_timeout(300)
    assert found["total"]["requests"] > 0
    page.reload()
    expect(plots).to_have_count(3)
    for title in ("Handled", "Response time"):
        plot = plots.filter(has=page.get_by_role("heading", name=title, exact=False))
        expect(plot.locator("svg line.target")).to_have_count(1)
        expect(plot.locator("figcaption")).to_contain_text("Target")
    expect(page.locator(".goal")).to_have_count(4)
    assert findings(page) == []

    box = plots.first.locator(".plot-box")
    box.focus()
    page.keyboard.press("End")
    newest = box.locator(".plot-note").inner_text()
    page.keyboard.press("ArrowLeft")
    expect(box.locator(".plot-note")).not_to_have_text(newest)

    page.get_by_role("button", name="7 days").click()
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download as CSV").click()
    rows = list(csv.DictReader(downloading.value.path().read_text("utf-8-sig").splitlines()))
    days = sorted({row["day"] for row in rows})
    assert len(days) == 7
    assert sum(int(row["requests"] or 0) for row in rows) >= found["total"]["requests"] > 0
    assert any(row["language"] == "en" and int(row["requests"] or 0) for row in rows if row["day"] == days[-1])
