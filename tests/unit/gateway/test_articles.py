from server.company import Article
from server.gateway.articles import render_markdown, search


def make(article_id, title, text):
    return Article(article_id, "en", title, "c", "s", (), text)


def test_markdown_cannot_carry_script():
    html = render_markdown("# Hi\n<script>alert(1)</script> [x](javascript:alert(1)) [y](https://example.com) **b**")
    assert "<script" not in html
    assert "javascript:" not in html.replace("](javascript:", "")
    assert '<a href="https://example.com"' in html
    assert "<strong>b</strong>" in html


def test_search_puts_titles_before_texts():
    found = search([make("a", "Bills", "about roaming"), make("b", "Roaming", "x"), make("c", "Other", "y")], "roaming")
    assert [article.id for article in found] == ["b", "a"]


def titles(texts, query, language="zh"):
    articles = [Article(str(number), language, title, "c", "", (), text) for number, (title, text) in enumerate(texts)]
    return [article.title for article in search(articles, query)]


def test_chinese_words_are_found_and_not_their_single_characters():
    texts = [
        ("路由器指示灯", "红灯表示断网"),
        ("漫游资费", "在路上自由使用，机器提示"),
        ("光猫", "再看路由器"),
        ("套餐", "由您选择"),
    ]
    assert titles(texts, "路由器") == ["路由器指示灯", "光猫"]
    assert titles(texts, "路由器红灯亮了怎么办") == ["路由器指示灯", "光猫"]
    assert titles(texts, "灯") == ["路由器指示灯"]
    assert titles(texts, "今天吃什么") == []


def test_a_long_question_needs_more_than_one_common_word():
    texts = [
        ("Reset your password", "choose a new password"),
        ("Bills", "how you pay"),
        ("Router", "how to reset the router"),
        ("Stores", "how to find us"),
    ]
    assert titles(texts, "how do I reset my password", "en")[0] == "Reset your password"
    assert "Stores" not in titles(texts, "how do I reset my password", "en")
    assert titles(texts, "how is the pizza", "en") == ["Router"]
    assert titles(texts, "pizza recipe", "en") == []


def test_hyphens_and_capitals_and_endings_do_not_matter():
    texts = [("Wi-Fi is slow", "x"), ("Bills explained", "y"), ("5G coverage", "z")]
    assert titles(texts, "wifi", "en") == ["Wi-Fi is slow"]
    assert titles(texts, "BILL", "en") == ["Bills explained"]
    assert titles(texts, "5g", "en") == ["5G coverage"]
    assert titles(texts, "?!", "en") == []
