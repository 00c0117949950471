"""A customer shows a picture in the chat: chosen or pasted, read, answered, and seen at the desk."""

import base64

import pytest
from playwright.sync_api import expect

from tests.support.drawings import chinese_font, screen
from tests.support.pages import Customer

WORDS = {
    "zh": {
        "add": "添加图片",
        "remove": "移除图片",
        "ready": "图片已就绪，可以发送",
        "type": "请选择 JPEG、PNG、WebP 或 GIF 图片。",
    },
    "en": {
        "add": "Add a picture",
        "remove": "Remove the picture",
        "ready": "The picture is ready to send",
        "type": "Please choose a JPEG, PNG, WebP or GIF picture.",
    },
}
# Whether the browser is left to do what it does by itself: insert the words, or open the file in place of the page.
PASTE = """([field, data, words]) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const clipboard = new DataTransfer();
    clipboard.items.add(new File([bytes], 'screen.png', { type: 'image/png' }));
    if (words) clipboard.setData('text/plain', words);
    const event = new ClipboardEvent('paste', { clipboardData: clipboard, bubbles: true, cancelable: true });
    return field.dispatchEvent(event);
}"""
DROP = """([field, name]) => {
    const dropped = new DataTransfer();
    dropped.items.add(new File(['x'], name));
    return field.dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""


def choose(customer: Customer, language: str, name: str, kind: str, content: bytes) -> None:
    with customer.page.expect_file_chooser() as chooser:
        customer.widget.get_by_role("button", name=WORDS[language]["add"]).click()
    chooser.value.set_files({"name": name, "mimeType": kind, "buffer": content})


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_error_on_a_screen_is_read_and_the_fault_looked_into(product, customer_in, at_desk, language):
    if language == "zh" and chinese_font() is None:
        pytest.skip("no font with Chinese characters: install fonts-noto-cjk")
    lines = ["宽带连接失败", "错误 691"] if language == "zh" else ["Broadband connection failed", "Error 691"]
    customer = customer_in(language)
    customer.open_chat(product.url)
    choose(customer, language, "screen.png", "image/png", screen(lines))
    expect(customer.widget.get_by_text(WORDS[language]["ready"])).to_be_visible()
    customer.button("send").click()
    expect(customer.widget.locator(".row.customer .picture img")).to_have_js_property("complete", True)
    expect(customer.answers.nth(1)).to_contain_text("691")
    expect(customer.widget.locator(".step").last).to_be_visible()
    customer.ask_for_person(f"look at my picture ({language})")
    agent = at_desk("en")
    agent.open_row(f"look at my picture ({language})")
    line = agent.lines.filter(has=agent.page.locator(".picture"))
    expect(line.locator(".picture-text")).to_contain_text("691")


def test_a_picture_is_pasted_removed_and_what_is_none_is_refused(product, customer_in):
    customer = customer_in("en")
    customer.open_chat(product.url)
    choose(customer, "en", "page.svg", "image/svg+xml", b"<svg onload='alert(1)'/>")
    expect(customer.widget.get_by_role("alert")).to_contain_text(WORDS["en"]["type"])
    choose(customer, "en", "broken.png", "image/png", b"no picture")
    expect(customer.widget.get_by_role("alert")).to_contain_text("cannot be opened")
    data = base64.b64encode(screen(["Emergency calls only"])).decode()
    field = customer.composer.element_handle()
    assert customer.page.evaluate(DROP, [field, "manual.pdf"]) is False
    expect(customer.widget.get_by_role("alert")).to_contain_text(WORDS["en"]["type"])
    assert customer.page.evaluate(DROP, [field, "IMG_0001.HEIC"]) is False
    expect(customer.widget.get_by_role("alert")).to_contain_text("HEIC")
    assert customer.page.evaluate(PASTE, [field, data, ""]) is False
    ready = customer.widget.get_by_text(WORDS["en"]["ready"])
    expect(ready).to_be_visible()
    assert customer.page.evaluate(PASTE, [field, data, "what does this mean?"]) is True
    expect(ready).to_be_visible()
    customer.widget.get_by_role("button", name=WORDS["en"]["remove"]).click()
    expect(ready).to_have_count(0)
    expect(customer.button("send")).to_be_disabled()
