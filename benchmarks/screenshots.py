"""Takes the pictures of the README: ``make screenshots``. Plays a scene in both languages on a product of its own."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from benchmarks.figures import generate
from tests.support.pages import Administrator, Agent, Customer, chromium
from tests.support.product import ROOT, Product

IMAGES = ROOT / "docs" / "images"
LARGEST_BYTES = 200_000
# Enough for the pages' flat colours and the edges of letters.
COLOURS = 256
# Around the chat's panel: its shadow and a little of the page.
MARGIN = 16

# The question about an article comes last: the answer's citation is then in sight.
SCENES = {
    "zh": ("我还剩多少流量", "199 0000 0101", "18.4GB", "怎么修改 Wi-Fi 密码"),
    "en": ("how much data have I left?", "199 0000 0105", "GB", "how do I change my Wi-Fi password?"),
}
# Who waits at the desk: language, what they write, and whether they ask for a person themselves.
QUEUE = (
    ("zh", ("光猫冒烟了，有烧焦的味道",), False),
    ("en", ("this is the third time I have to ask, I am really fed up with your service",), False),
    ("zh", ("上个月的账单多收了我的钱",), True),
    ("zh", ("我还剩多少流量", "199 0000 0101", "手机上不了网", "正常"), True),
)
GREETING = "您好，我是林小雨。我看到您已经查过 SIM 卡和状态栏，接下来我陪您检查网络设置。"
NOTE = "客户赶着出门，尽量一次解决。"
MISUNDERSTOOD = ("我家的鱼缸漏水了怎么办", "能帮我订一张去上海的机票吗", "帮我写一首关于春天的诗")
MESSAGES = 20_000
LAPTOP, PHONE = (1366, 768), (390, 780)


def main() -> int:
    IMAGES.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="kefu-screenshots-"))
    product = Product(folder / "data")
    product.start()
    try:
        product.add_staff("lin", shown="林小雨")
        product.add_staff("mei", shown="梅子清")
        product.add_staff("shen", "supervisor", shown="沈默然")
        with chromium() as browser:
            take_help(browser, product)
            for language in SCENES:
                take_widget(browser, product, language)
            take_desk(browser, product)
            admin = take_console(browser, product)
            take_learning(browser, product, admin)
            take_figures(product, admin)
            admin.close()
    finally:
        product.stop()
        shutil.rmtree(folder)
    return report()


def take_help(browser: Browser, product: Product) -> None:
    for name, language, size in (("help-zh", "zh", (1280, 800)), ("help-en-phone", "en", (390, 780))):
        customer = Customer(browser, language, size=size)
        customer.page.goto(product.url)
        expect(customer.page.locator(".topic").first).to_be_visible()
        expect(customer.button("launcher")).to_be_visible()
        customer.page.screenshot(path=IMAGES / f"{name}.png")
        customer.close()


def take_widget(browser: Browser, product: Product, language: str) -> None:
    usage, number, left, question = SCENES[language]
    customer = Customer(browser, language, size=(1500, 860))
    # A plain page around it; its language is English, the chat's is the customer's.
    customer.page.goto(f"{product.url}/embed-example.html")
    expect(customer.widget.locator(".launcher")).to_be_visible()
    customer.page.evaluate("(language) => { kefu.setLocale(language); kefu.open(); }", language)
    expect(customer.answers).to_have_count(1)
    customer.say(usage)
    expect(customer.answers).to_have_count(2)
    customer.ask(number, left)
    customer.say(question)
    expect(customer.citation).to_be_visible()
    expect(customer.typing).to_have_count(0)
    customer.page.mouse.move(0, 0)
    picture(customer.panel, f"widget-{language}")
    customer.close()


def take_desk(browser: Browser, product: Product) -> None:
    customers = []
    for language, words, asks in QUEUE:
        customers.append(customer := Customer(browser, language))
        customer.open_chat(product.url)
        for text in words:
            before = customer.answers.count()
            customer.say(text)
            expect(customer.answers.nth(before)).to_be_visible()
        expect(customer.typing).to_have_count(0)
        if asks:
            customer.human.click()
        expect(customer.status).to_contain_text(customer.words["waiting"])
    last = customers[-1]
    last.page.mouse.move(0, 0)
    picture(last.panel, "widget-waiting")
    agent = Agent(browser, "zh", size=LAPTOP)
    agent.log_in(product.url, "lin", product.passwords["lin"])
    expect(agent.rows).to_have_count(len(customers))
    agent.open_row("手机上不了网")
    expect(agent.context_panel.locator(".tree")).to_be_visible()
    agent.take()
    agent.reply(GREETING)
    agent.page.keyboard.press("Escape")
    agent.page.keyboard.press("n")
    agent.page.keyboard.type(NOTE)
    agent.page.keyboard.press("Enter")
    expect(agent.page.locator(".line.note")).to_be_visible()
    agent.page.keyboard.press("Escape")
    agent.page.keyboard.press("m")
    agent.page.get_by_role("tab", name="全部").click()
    expect(agent.rows).to_have_count(len(customers))
    expect(agent.page.locator(".delivery.read").first).to_be_visible()
    agent.page.screenshot(path=IMAGES / "desk.png")
    colleague = Agent(browser, "en", size=PHONE)
    colleague.log_in(product.url, "mei", product.passwords["mei"])
    colleague.rows.filter(has_text="truly sorry").click()
    colleague.take()
    colleague.reply("Hello, this is Mei. I am sorry about the trouble; I will stay with this until it is solved.")
    colleague.page.screenshot(path=IMAGES / "desk-phone.png")
    boss = Agent(browser, "en", size=(1366, 900))
    boss.log_in(product.url, "shen", product.passwords["shen"])
    boss.button("overview").click()
    expect(boss.page.locator(".doing .chip")).not_to_have_count(0)
    boss.page.screenshot(path=IMAGES / "desk-overview.png")
    for visitor in (boss, colleague, agent, *customers):
        visitor.close()


def take_console(browser: Browser, product: Product) -> Administrator:
    admin = Administrator(browser, "zh", size=(1440, 960))
    admin.open(product.url)
    admin.page.locator("[name=username]").fill("admin")
    admin.page.locator("[name=password]").fill(product.passwords["admin"])
    admin.button("login").click()
    admin.begin_draft()
    admin.find("光猫没有通电")
    admin.page.mouse.move(0, 0)
    expect(admin.page.locator(".picture[data-drawn]")).to_be_visible()
    admin.page.get_by_role("button", name="全部入画").click()
    admin.page.screenshot(path=IMAGES / "console.png")
    draft = admin.page.url
    colleague = Administrator(browser, "en", size=(1440, 960), session=admin.context.storage_state())
    colleague.page.goto(draft)
    colleague.page.get_by_role("button", name="中文").or_(colleague.page.get_by_role("button", name="English")).click()
    colleague.tab("try").click()
    # Systems know nothing remarkable; then the customer tells of the modem's lights.
    for answer in ("No outage", "Nothing is overdue"):
        colleague.answer(answer)
    expect(colleague.page.locator(".bars li").first).to_be_visible()
    colleague.page.locator(".options button").first.click()
    expect(colleague.page.locator(".trail li")).to_have_count(3)
    colleague.page.mouse.move(0, 0)
    colleague.page.locator(".side-panel").evaluate("panel => panel.scrollTo(0, 270)")
    colleague.page.screenshot(path=IMAGES / "console-try.png")
    colleague.close()
    admin.open(product.url, "articles/activate-sim")
    expect(admin.page.locator("textarea").first).to_be_visible()
    admin.page.screenshot(path=IMAGES / "console-article.png")
    return admin


def take_learning(browser: Browser, product: Product, admin: Administrator) -> None:
    """What the bot did not understand, as it waits for a label."""
    for text in MISUNDERSTOOD:
        customer = Customer(browser, "zh")
        customer.open_chat(product.url)
        customer.say(text)
        expect(customer.bubbles.last).not_to_contain_text(text)
        customer.close()
    admin.open(product.url, "review")
    expect(admin.page.get_by_text(MISUNDERSTOOD[-1])).to_be_visible()
    admin.page.screenshot(path=IMAGES / "console-review.png")


def take_figures(product: Product, admin: Administrator) -> None:
    """The figures over made-up traffic: what a company sees after some months."""
    generate(product.data_dir / "kefu.db", MESSAGES)
    command = [sys.executable, "-m", "server.cli", "figures", "rebuild"]
    subprocess.run(command, cwd=ROOT, env=product.environment(), check=True, capture_output=True)
    admin.open(product.url, "figures")
    admin.page.get_by_role("button", name="近 90 天").click()
    admin.page.wait_for_load_state("networkidle")
    admin.page.screenshot(path=IMAGES / "console-figures.png")


def picture(part: Locator, name: str) -> None:
    box = part.bounding_box()
    assert box is not None
    clip = {"x": box["x"] - MARGIN, "y": box["y"] - MARGIN}
    clip |= {"width": box["width"] + 2 * MARGIN, "height": box["height"] + 2 * MARGIN}
    part.page.screenshot(path=IMAGES / f"{name}.png", clip=clip)


def report() -> int:
    """Makes the pictures small and names them; 1 where one is too large for a repository."""
    for path in IMAGES.glob("*.png"):
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
    sizes = {path: path.stat().st_size for path in sorted(IMAGES.glob("*.png"))}
    for path, size in sizes.items():
        print(f"{path.relative_to(ROOT)}: {size / 1000:.0f} kB{' — too large' if size > LARGEST_BYTES else ''}")
    return int(any(size > LARGEST_BYTES for size in sizes.values()))


if __name__ == "__main__":
    sys.exit(main())
