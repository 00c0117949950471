"""The product's pages in the machine's own Chromium, as customers and agents use them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, StorageState, expect, sync_playwright

PROGRAMS = ("chromium", "google-chrome", "chromium-browser")
ARGUMENTS = [
    "--no-sandbox",  # CI runs as root in a container, where Chromium's own sandbox cannot start
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
]
# A busy machine may take its time; what is waited for ends the wait at once.
PATIENCE_MS = 20_000
# A row that is looked for by scrolling: how long each screenful is watched, and how many are looked at.
A_MOMENT_MS = 400
SCREENS = 50

WORDS = {
    "zh": {
        "launcher": "打开在线客服",
        "composer": "输入您的问题",
        "send": "发送",
        "human": "转人工",
        "login": "登录",
        "take": "接入",
        "return": "交还机器人",
        "reply": "给客户回复",
        "decision": "决策记录",
        "waiting": "您排在第",
        "back": "先不转，继续问智能客服",
        "transfer": "转接",
        "snooze": "搁置",
        "wake": "结束搁置",
        "close": "结束会话",
        "reopen": "重新打开",
        "take_over": "接管",
        "knowledge": "知识库",
        "overview": "总览",
        "mark": "标为错误",
        "note": "内部备注（客户看不到）",
        "note_kind": "备注",
        "search": "搜索对话内容",
        "draft_new": "新建草稿",
        "try": "试一试",
        "problems": "问题",
        "edit": "编辑",
        "add": "添加",
        "merge": "合并新版本",
        "undo": "撤销",
        "redo": "重做",
        "publish": "发布…",
        "publish_now": "发布",
        "roll_back": "恢复到这个版本",
        "case_save": "存为用例",
        "save": "保存",
        "in_service": "使用中",
        "fault": "故障",
        "check": "检查",
        "fix": "修复",
    },
    "en": {
        "launcher": "Open the chat",
        "composer": "Type your question",
        "send": "Send",
        "human": "Talk to a person",
        "login": "Sign in",
        "take": "Take",
        "return": "Return to bot",
        "reply": "Reply to the customer",
        "decision": "Decision record",
        "waiting": "in the queue",
        "back": "Carry on with the assistant",
        "transfer": "Transfer",
        "snooze": "Snooze",
        "wake": "End the snooze",
        "close": "Close",
        "reopen": "Re-open",
        "take_over": "Take over",
        "knowledge": "Knowledge base",
        "overview": "Overview",
        "mark": "Mark wrong",
        "note": "Internal note (the customer does not see it)",
        "note_kind": "Note",
        "search": "Search all conversations",
        "draft_new": "New draft",
        "try": "Try it",
        "problems": "Problems",
        "edit": "Edit",
        "add": "Add",
        "merge": "Merge",
        "undo": "Undo",
        "redo": "Redo",
        "publish": "Publish…",
        "publish_now": "Publish",
        "roll_back": "Roll back to it",
        "case_save": "Save as a test case",
        "save": "Save",
        "in_service": "In service",
        "fault": "Fault",
        "check": "Check",
        "fix": "Fix",
    },
}
LOCALES = {"zh": "zh-CN", "en": "en-GB"}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, closed at the end.

    Raises:
        RuntimeError: The machine has none.
    """
    found = next((path for path in map(shutil.which, PROGRAMS) if path), None)
    if found is None:
        raise RuntimeError(
            f"no browser: none of {', '.join(PROGRAMS)} is on PATH; install the Debian package chromium (.ci/run does)"
        )
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def with_microphone(browser: Browser, recording: Path) -> Iterator[Browser]:
    """A further browser of the same kind, whose microphone plays a WAV file once and is then silent."""
    running = browser.browser_type.launch(
        executable_path=next(path for path in map(shutil.which, PROGRAMS) if path),
        args=[
            *ARGUMENTS,
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={recording}%noloop",
            "--autoplay-policy=no-user-gesture-required",
        ],
    )
    yield running
    running.close()


class Visitor:
    """Somebody at a page in one language, with cookies and storage of their own."""

    def __init__(
        self,
        browser: Browser,
        language: str,
        *,
        size: tuple[int, int] = (1280, 800),
        dark: bool = False,
        session: StorageState | None = None,
    ) -> None:
        self.words = WORDS[language]
        self.problems: list[str] = []
        self.context = browser.new_context(
            locale=LOCALES[language],
            timezone_id="Asia/Shanghai",
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            storage_state=session,
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def close(self) -> None:
        self.context.close()

    def button(self, name: str) -> Locator:
        """A button by one of `WORDS`."""
        return self.page.get_by_role("button", name=self.words[name], exact=True)


class Customer(Visitor):
    """Somebody with the chat widget."""

    def __init__(self, browser: Browser, language: str, **options: object) -> None:
        super().__init__(browser, language, **options)  # type: ignore[arg-type]
        self.conversation = ""
        self.widget = self.page.locator("kefu-chat")
        self.panel = self.widget.get_by_role("dialog")
        self.composer = self.widget.get_by_role("textbox")
        self.answers = self.widget.locator(".row.bot .bubble:not(.typing)")
        self.own = self.widget.locator(".row.customer .bubble")
        self.bubbles = self.widget.locator(".bubble:not(.typing), .system")
        self.typing = self.widget.locator(".bubble.typing")
        self.status = self.widget.get_by_role("status")
        self.choices = self.widget.locator(".choice")
        self.human = self.widget.locator(".foot-button.human")
        self.citation = self.widget.locator(".citations a")

    def open_chat(self, url: str) -> None:
        """Opens a page and the chat on it, and waits for the greeting."""
        self.page.goto(url)
        self.button("launcher").click()
        expect(self.answers).to_have_count(1)

    def say(self, text: str) -> None:
        """Sends a message and waits until it was stored."""
        self.composer.fill(text)
        self.composer.press("Enter")
        mine = self.widget.locator(".row.customer", has_text=text).last
        expect(mine.locator(".bubble")).not_to_have_class("bubble faint")

    def ask(self, text: str, answer: str) -> None:
        """Sends a message and waits for a bot message that contains ``answer``, the last of all."""
        before = self.answers.count()
        self.say(text)
        expect(self.answers.nth(before)).to_be_visible()
        expect(self.bubbles.last).to_contain_text(answer)

    def ask_for_person(self, words: str) -> None:
        """Presses the button and adds ``words`` while waiting: what the queue shows of this conversation."""
        self.human.click()
        expect(self.status).to_contain_text(self.words["waiting"])
        self.say(words)

    def transcript(self) -> list[str]:
        """What was said, in order."""
        return [text.strip() for text in self.bubbles.all_inner_texts()]


class Agent(Visitor):
    """Somebody at the desk."""

    def __init__(self, browser: Browser, language: str, **options: object) -> None:
        super().__init__(browser, language, **options)  # type: ignore[arg-type]
        self.rows = self.page.locator("#rows .row")
        self.lines = self.page.locator(".transcript .line")
        self.context_panel = self.page.locator(".context")
        self.composer = self.page.locator(".writer-field textarea")
        self.dialog = self.page.get_by_role("dialog")

    def log_in(self, url: str, name: str, password: str) -> None:
        """Opens the desk and logs in; whether that works is for the caller to see."""
        self.page.goto(f"{url}/desk")
        self.page.locator("[name=username]").fill(name)
        self.page.locator("[name=password]").fill(password)
        self.button("login").click()

    def open_row(self, text: str) -> None:
        """Opens the conversation whose row contains ``text``, wherever in the list it is."""
        self.scroll_to_row(text).click()
        expect(self.lines.first).to_be_visible()

    def scroll_to_row(self, text: str) -> Locator:
        """The row that contains ``text``: only rows in sight are drawn, so the list is scrolled until that is one."""
        row = self.rows.filter(has_text=text)
        listing = self.page.locator("#rows")
        for _ in range(SCREENS):
            try:
                expect(row).to_have_count(1, timeout=A_MOMENT_MS)
                return row
            except AssertionError:
                # At its end it begins again at its top: rows move while one looks.
                listing.evaluate(
                    "list => list.scrollTop + list.clientHeight < list.scrollHeight - 1"
                    " ? list.scrollBy(0, list.clientHeight - 80) : list.scrollTo(0, 0)"
                )
        expect(row).to_have_count(1)
        return row

    def take(self) -> None:
        """Takes the open conversation and waits until what is written goes to the customer."""
        self.button("take").click()
        expect(self.composer).to_have_attribute("placeholder", self.words["reply"])

    def confirm(self, action: str) -> None:
        """Opens the window behind one of `WORDS` and does at once what it proposes."""
        self.button(action).click()
        self.dialog.get_by_role("button", name=self.words[action], exact=True).click()
        expect(self.dialog).to_have_count(0)

    def close_conversation(self) -> None:
        """Ends the open conversation with the outcome that the window proposes."""
        self.button("close").click()
        self.dialog.get_by_role("button").last.click()
        expect(self.button("reopen")).to_be_visible()

    def reply(self, text: str) -> None:
        """Writes to the customer and waits until that was stored."""
        self.composer.fill(text)
        self.composer.press("Enter")
        expect(self.lines.filter(has_text=text).and_(self.page.locator(":not(.unsent)"))).to_have_count(1)


class Administrator(Visitor):
    """Somebody at the console."""

    def __init__(self, browser: Browser, language: str, **options: object) -> None:
        super().__init__(browser, language, **options)  # type: ignore[arg-type]
        self.dialog = self.page.get_by_role("dialog")
        self.form = self.page.locator(".node-form")
        self.nodes = self.page.get_by_role("tree")
        self.versions = self.page.locator(".version")
        self.saved = self.page.locator(".link-state.saved")

    def open(self, url: str, page: str = "graph") -> None:
        """Opens a page of the console; whether somebody is logged in is for the caller to see."""
        self.page.goto(f"{url}/admin#/{page}")

    def begin_draft(self) -> None:
        """Begins a draft of the version in service and waits for its editor."""
        self.button("draft_new").click()
        expect(self.nodes.get_by_role("treeitem").first).to_be_visible()

    def tab(self, name: str) -> Locator:
        """A tab of the editor by one of `WORDS`; the number of problems stands in its name."""
        return self.page.locator(".side").get_by_role("tab", name=self.words[name])

    def find(self, name: str) -> None:
        """Goes to a node through the search."""
        self.page.locator(".tools [role=combobox]").fill(name)
        self.page.locator(".tools [role=option]").first.click()
        expect(self.form.locator("h3")).to_have_text(name)

    def add(self, kind: str, chinese: str, english: str) -> None:
        """Adds a node to the chosen one; ``kind`` is one of `WORDS`."""
        self.form.get_by_role("button", name=f"+ {self.words[kind]}", exact=True).click()
        self.dialog.locator("[name=name-zh]").fill(chinese)
        self.dialog.locator("[name=name-en]").fill(english)
        self.dialog.get_by_role("button", name=self.words["add"], exact=True).click()
        expect(self.form.locator("h3")).to_have_text(english if self.words is WORDS["en"] else chinese)

    def field(self, path: str) -> Locator:
        """The control of a node's field, such as ``ask.0.zh``."""
        return self.form.locator(f'[data-path="{path}"]')

    def answer(self, label: str) -> None:
        """Answers the draft's question in the panel where it is tried, and waits for what comes next."""
        before = self.page.locator(".trail li").count()
        self.page.locator(".options").get_by_role("button", name=label, exact=True).click()
        expect(self.page.locator(".trail li")).to_have_count(before + 1)

    def publish(self, message: str) -> None:
        """Publishes the open draft and waits for the history."""
        self.button("publish").click()
        self.dialog.locator("[name=message]").fill(message)
        self.dialog.get_by_role("button", name=self.words["publish_now"], exact=True).click()
        expect(self.versions.first).to_contain_text(message)

    def roll_back(self, steps: int, message: str) -> None:
        """Brings back the version that is ``steps`` before the newest in the history."""
        self.versions.nth(steps).get_by_role("button", name=self.words["roll_back"]).click()
        self.dialog.locator("[name=message]").fill(message)
        self.dialog.get_by_role("button", name=self.words["roll_back"]).click()
        expect(self.versions.first).to_contain_text(message)
