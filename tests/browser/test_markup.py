"""Markup that anybody types, through every text that people see: shown as it was typed, and nothing of it runs."""

import pytest
from playwright.sync_api import expect

MARK = '<img src=x onerror="window.hit=1"><script>window.hit=1</script><svg onload=window.hit=1>'
LINK = "[press](javascript:window.hit=1) <a href='javascript:window.hit=1'>press</a>"
PLANTED = (
    "img[src=x], svg[onload], script:not([src]), a[href^='javascript:'], iframe, object, embed, [onerror], [onload]"
)


def nothing_ran(*people) -> None:
    for one in people:
        assert one.page.evaluate("window.hit") is None
        # Playwright's locators look into shadow roots too.
        expect(one.page.locator(PLANTED)).to_have_count(0)


def test_stored_markup_is_only_text(product, customer_in, at_desk):
    customer, agent = customer_in("en"), at_desk("en")
    customer.open_chat(product.url)
    customer.say(f"one {MARK}")
    customer.say(f"two {LINK}")
    customer.ask_for_person(f"three {MARK} {LINK}")
    expect(customer.own.filter(has_text=MARK).first).to_be_visible()

    # The queue's row and summary, the transcript, the context, the decision record.
    expect(agent.scroll_to_row("three <img")).to_be_visible()
    agent.open_row("three <img")
    expect(agent.lines.filter(has_text=f"one {MARK}")).to_have_count(1)
    expect(agent.lines.filter(has_text=LINK).first).to_be_visible()
    expect(agent.context_panel).to_contain_text("<img src=x")
    nothing_ran(customer, agent)

    agent.take()
    agent.reply(f"four {MARK} {LINK}")
    expect(customer.widget.locator(".row.agent .bubble").last).to_contain_text(f"four {MARK}")
    expect(agent.lines.filter(has_text=f"four {MARK}")).to_have_count(1)
    nothing_ran(customer, agent)


@pytest.mark.parametrize(
    "path",
    [
        "/?q=<img src=x onerror=window.hit=1>",
        "/help/<img src=x onerror=window.hit=1>",
        "/help/%22%3E%3Cscript%3Ewindow.hit=1%3C/script%3E?lang=<svg onload=window.hit=1>",
        "/desk#<img src=x onerror=window.hit=1>",
        "/demo/inbox?customer=<img src=x onerror=window.hit=1>",
        "/api/docs?x=<img src=x onerror=window.hit=1>",
        "/<img src=x onerror=window.hit=1>",
        "/api/articles/<img src=x onerror=window.hit=1>",
    ],
)
def test_markup_in_an_address_is_reflected_by_no_page(product, customer_in, path):
    visitor = customer_in("en")
    visitor.page.goto(product.url + path)
    visitor.page.wait_for_load_state("networkidle")
    nothing_ran(visitor)
