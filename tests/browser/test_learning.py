"""The learning loop in a browser: misunderstood, grouped, labelled, retrained, compared, promoted, rolled back."""

import json
import time

from playwright.sync_api import expect

from server.starter import make_company
from tests.browser.test_accessibility import findings
from tests.support.pages import Administrator, Customer
from tests.support.product import Product

UNKNOWN = ("my parcel arrived broken", "the parcel I got is broken", "my order is broken, what now")
EXAMPLES = (
    "what I ordered came broken",
    "it was damaged on the way",
    "the box has a broken item in it",
    "货到了是坏的",
)
LIKE_IT = "a broken item was in it"
ANSWER = "We send you another one."
PATIENCE_MS = 240_000
"""For what trains or starts processes."""


class Boss(Administrator):
    """The administrator of the company, logged in."""

    def __init__(self, browser, product):
        super().__init__(browser, "en", size=(1366, 900))
        self.product = product
        self.open(product.url, "review/groups")
        self.page.locator("[name=username]").fill("admin")
        self.page.locator("[name=password]").fill(product.passwords["admin"])
        self.button("login").click()
        expect(self.page.locator(".navigation")).to_be_visible()

    def get(self, path):
        answer = self.page.request.get(self.product.url + path)
        assert answer.ok, answer.text()
        return answer.json()

    def refused(self, path, body=None):
        """The status of a request that the server does not carry out."""
        answer = self.page.request.post(self.product.url + path, data=body, headers={"x-kefu": "1"})
        return answer.status

    def named(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def agree(self, action, reason):
        """Gives the reason in the window that asks for one, and waits until the release is in service."""
        before = self.get("/api/releases")["items"][0]["id"]
        self.dialog.locator("[name=reason]").fill(reason)
        self.dialog.get_by_role("button", name=action, exact=True).click()
        expect(self.dialog).to_have_count(0)
        end = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < end:  # the window is closed before the request has arrived
            newest = self.get("/api/releases")["items"][0]
            if newest["id"] != before and newest["state"] != "asked":
                break
            self.page.wait_for_timeout(200)
        assert (newest["state"], newest["problem"]) == ("done", None)
        return newest["release"]

    def record(self, conversation):
        """The decision record of a conversation's last turn: the release that ran it, and what it understood."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < end:  # an answer is seen before its turn is over
            record = self.get(f"/api/conversations/{conversation}/decisions")["items"][-1]
            if record["status"] == "done":
                break
            self.page.wait_for_timeout(200)
        assert record["release"] == record["parse"]["release"], "a turn is of one release"
        return record["release"], record["intent"]


def asks(browser, product, text):
    """A new customer asks something, is answered and goes; the conversation's name, and the answer."""
    customer, names = Customer(browser, "en"), []

    def heard(frame):
        found = json.loads(frame) if isinstance(frame, str) else {}
        if found.get("type") == "welcome":
            names.append(found["conversation"])

    customer.page.on("websocket", lambda socket: socket.on("framereceived", heard))
    customer.open_chat(product.url)
    customer.say(text)
    expect(customer.answers.nth(1)).to_be_visible()
    said = customer.transcript()[-1]
    assert customer.problems == []
    customer.close()
    return names[0], said


def labelled_as_a_group(boss, page):
    """The messages are grouped with their like, made a new intent, and labelled as one."""
    group = page.locator(".review-item").filter(has_text="broken")
    for _ in range(60):
        waiting = boss.get("/api/review/clusters")
        if not waiting["waiting"] and waiting["items"]:
            break
        page.wait_for_timeout(300)
    unknown = {"items": [1], "verdict": "intent", "intent": "broken_goods"}
    assert boss.refused("/api/labels", unknown) == 422, "no label for an intent that does not exist"
    members = waiting["items"][0]["size"]
    assert members >= 2
    page.reload()
    expect(group).to_contain_text(f"{members} messages")
    assert findings(page) == []
    group.get_by_role("button", name="New intent", exact=True).click()
    labels = {"Name · Chinese": "货物损坏", "Name · English": "Broken goods"}
    for label, words in labels.items():
        boss.dialog.get_by_label(label).fill(words)
    boss.dialog.get_by_label("Identifier").fill("broken_goods")
    boss.dialog.get_by_label("Examples").fill("\n".join(EXAMPLES))
    for language, words in {"Chinese": "我们给您换一件。", "English": ANSWER}.items():
        boss.dialog.get_by_label(f"Reply (one wording a line) · {language}").fill(words)
    boss.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".last-act")).to_contain_text("Broken goods")
    return members


def retrained(boss, page, product, before):
    """A training from the console, and its comparison; the release in service stays what it is."""
    boss.open(product.url, "training")
    boss.named("Begin training").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(boss.named("Begin training")).to_be_disabled()
    assert boss.refused("/api/trainings") == 409, "one at a time"
    expect(page.get_by_role("link", name="See the comparison")).to_be_visible(timeout=PATIENCE_MS)
    (training,) = boss.get("/api/trainings")["items"]
    assert (training["state"], training["problem"]) == ("done", None)
    assert training["method"] == "split"
    assert boss.get("/api/releases")["release"] == before, "nothing changes by training"
    page.get_by_role("link", name="See the comparison").click()
    expect(page.get_by_role("heading", name="The candidate beside the release in service")).to_be_visible()
    assert findings(page) == []
    return training


def test_what_was_not_understood_is_learnt_promoted_and_rolled_back(browser, visitors, tmp_path):
    make_company(tmp_path / "acme")
    product = Product(tmp_path / "data", company=tmp_path / "acme")
    product.start()
    try:
        visitors.append(boss := Boss(browser, product))
        page = boss.page
        for text in UNKNOWN:
            asks(browser, product, text)
        before = boss.get("/api/releases")["release"]

        labels = labelled_as_a_group(boss, page)
        training = retrained(boss, page, product, before)
        assert training["counts"] == {"labels": labels, "new_intents": 1}
        boss.named("Put it in service…").click()
        pids = product.pids()
        assert boss.agree("Put in service", "broken goods come up every day") == training["release"] != before
        assert product.pids()["gateway"] == pids["gateway"]

        # What was promoted comes up again, not what the files make, and understands.
        page.goto("about:blank")
        product.stop()
        product.start()
        assert f"starting {training['release']}" in (product.data_dir / "up.log").read_text()
        conversation, said = asks(browser, product, LIKE_IT)
        assert ANSWER in said
        assert boss.record(conversation) == (training["release"], "broken_goods")

        boss.open(product.url, "training")
        boss.named("Roll back to this").click()
        assert boss.agree("Roll back", "worse than thought") == before
        expect(page.locator("tr", has_text=before).locator(".chip.new").first).to_have_text("In service")
        assert findings(page) == []
        conversation, _ = asks(browser, product, "what are your opening hours")
        assert boss.record(conversation) == (before, "opening_hours")
    finally:
        product.stop()
