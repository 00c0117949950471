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
