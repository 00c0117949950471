"""What needs a product of its own: other sites that embed the chat, and a machine that dies under it."""

import http.server
import os
import signal
import threading
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.support.product import ROOT, Product


@contextmanager
def site(page):
    """A web site of one page, at an origin of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if found:
                self.wfile.write(page.html.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Shop:
    """The one page: it knows the widget's address once the product runs."""

    html = ""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The demo company with a shop that may embed the chat, and a stranger that may not."""
    folder = tmp_path_factory.mktemp("own")
    company = folder / "company"
    company.mkdir()
    page = Shop()
    with site(page) as shop, site(page) as stranger:
        text = (ROOT / "demo" / "company.toml").read_text("utf-8")
        for line, written in {
            "origins = []": f'origins = ["{shop}"]',
            'nlu_data = "../nlu_data"': f'nlu_data = "{ROOT / "nlu_data"}"',
            'articles = "articles"': f'articles = "{ROOT / "demo" / "articles"}"',
            'kg = "../kg/data"': f'kg = "{ROOT / "kg" / "data"}"',
            'accounts = "accounts.json"': f'accounts = "{ROOT / "demo" / "accounts.json"}"',
        }.items():
            assert line in text
            text = text.replace(line, written)
        (company / "company.toml").write_text(text, "utf-8")
        product = Product(folder / "data", company)
        page.html = (
            "<!doctype html><html lang='en'><title>A shop</title><h1>A shop</h1>"
            "<style>button, textarea { display: none !important; color: red }</style>"
            f"<script src='{product.url}/widget.js' async></script>"
        )
        product.start()
        try:
            yield product, shop, stranger
        finally:
            product.stop()


def test_one_script_tag_puts_the_chat_on_another_site(own, customer_in):
    product, shop, _ = own
    customer = customer_in("en")
    customer.open_chat(shop)
    # The company's colour and name came across the origins.
    expect(customer.button("launcher")).to_have_count(0)
    expect(customer.panel.get_by_role("banner")).to_contain_text("Qinghe Telecom")
    expect(customer.widget.locator(".launcher")).to_have_css("background-color", "rgb(11, 107, 79)")
    customer.say("how do I reset my password")
    expect(customer.citation).to_be_visible()
    with customer.context.expect_page() as opened:
        customer.citation.click()
    expect(opened.value).to_have_url(f"{product.url}/help/reset-login-password")
    expect(customer.page.get_by_role("heading", name="A shop")).to_be_visible()


def test_a_site_that_may_not_embed_the_chat_is_told_so(own, customer_in):
    _, _, stranger = own
    customer = customer_in("en")
    customer.page.goto(stranger)
    customer.button("launcher").click()
    expect(customer.status).to_contain_text("The chat cannot be reached from this page at the moment.")
    expect(customer.composer).to_be_disabled()
    assert customer.answers.count() == 0


def test_everything_is_killed_and_nothing_is_lost(own, customer_in):
    product, _, _ = own
    midway, sending = customer_in("en"), customer_in("zh")
    for customer in (midway, sending):
        customer.open_chat(product.url)
    sending.ask("我还剩多少流量", "号码")
    # One customer's turn is under way, the other's message is on its way at the moment of death.
    os.kill(product.pids()["rasa"], signal.SIGSTOP)
    midway.say("how do I reset my password")
    sending.composer.fill("19900000101")
    sending.composer.press("Enter")
    product.kill()
    for customer in (midway, sending):
        expect(customer.status).to_be_visible()
    sending.composer.fill("谢谢")
    sending.composer.press("Enter")

    product.start()
    for customer in (midway, sending):
        expect(customer.status).to_be_hidden(timeout=60_000)
    expect(midway.citation).to_be_visible()
    expect(sending.answers).to_have_count(4)
    expect(sending.answers.nth(2)).to_contain_text("18.4GB")
    assert sending.own.all_inner_texts() == ["我还剩多少流量", "19900000101", "谢谢"]
    assert midway.own.all_inner_texts() == ["how do I reset my password"]
    for customer in (midway, sending):
        before = customer.transcript()
        customer.page.reload()
        expect(customer.bubbles).to_have_count(len(before))
        assert customer.transcript() == before
