"""Documents: read in their own process, cut into pieces, and those that mean harm."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
import zlib

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from server.documents.errors import DocumentError
from server.documents.readers import decoded, read
from server.documents.reading import DocumentReader
from server.documents.split import LONGEST, SUMMARY, Piece, language_of, slug, split

GUIDE = """# Router guide

Read this first, please: it says where everything is and what to do with it.

## Lights
The **power** light is green when all is well. A red light means that there is no line.

### The red light
Push the cable in until it clicks, and wait for a minute or two.

## Password
1. Open the page of the router.
2. Change the password and write it down.
"""


def titles(pieces: list[Piece]) -> list[str]:
    return [one.title for one in pieces]


def pdf(*lines: tuple[str, int]) -> bytes:
    writer = PdfWriter()
    page = writer.add_blank_page(600, 800)
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    made = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): made})}
    )
    text = "".join(f"BT /F1 {size} Tf 50 {760 - at * 30} Td ({line}) Tj ET\n" for at, (line, size) in enumerate(lines))
    stream = DecodedStreamObject()
    stream.set_data(text.encode())
    page[NameObject("/Contents")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Router guide", 0)
    document.add_heading("Lights", 1)
    document.add_paragraph("The power light is green when all is well with the line and the power.")
    document.add_paragraph("Push the cable in", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip((cell for row in table.rows for cell in row.cells), "abcd", strict=True):
        cell.text = text
    document.add_heading("Password", 1)
    document.add_paragraph("Open the page of the router and change the password that is printed below it.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


# ---------------------------------------------------------------- pieces


def test_a_guide_becomes_a_piece_for_each_section():
    opening, lights, password = split(GUIDE, "guide")
    assert titles([opening, lights, password]) == ["Router guide", "Lights", "Password"]
    assert "### The red light" in lights.markdown
    assert lights.summary == "The power light is green when all is well."
    assert {one.language for one in (opening, lights, password)} == {"en"}


def test_a_text_without_headings_is_one_piece_under_its_name():
    assert titles(split("您好，这里说明怎样退货。\n\n" * 3, "退货说明")) == ["退货说明"]


def test_a_long_section_is_cut_between_its_paragraphs():
    pieces = split("# Prices\n\n" + "\n\n".join(f"Paragraph {n}. " + "words " * 60 for n in range(40)), "x")
    assert len(pieces) > 3
    assert titles(pieces)[0] == f"Prices (1/{len(pieces)})"
    assert all(len(one.markdown) <= LONGEST for one in pieces)


def test_a_heading_in_a_block_of_code_is_none():
    (piece,) = split("# One\n\n```\n# not a heading\n```\n\nSome words after it.", "x")
    assert "# not a heading" in piece.markdown


@given(
    st.lists(
        st.sampled_from(["# A", "## B", "## C", "### D", "Words.", "更多文字。", "```", "- item", "", "|a|b|"]),
        max_size=40,
    )
)
def test_no_word_is_lost(lines):
    pieces = split("\n".join(lines), "name")
    kept = " ".join(f"{one.title} {one.markdown}" for one in pieces)
    for word in ("Words.", "更多文字。", "- item"):
        assert kept.count(word) == lines.count(word)
    assert all(len(one.summary) <= SUMMARY for one in pieces)


def test_ids_are_free_and_languages_told():
    assert slug("Wi-Fi & router: 2.4 GHz", set(), 1) == "wi-fi-router-2-4-ghz"
    assert slug("退货", {"document-3"}, 3) == "document-3-2"
    assert (language_of("怎样设置 Wi-Fi 密码"), language_of("The 青禾 router"), language_of("")) == ("zh", "en", "en")


# ---------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("md", GUIDE.encode()),
        ("docx", word()),
        (
            "html",
            b"<html><head><title>Router guide</title><script>alert('Evil')</script></head><body><nav>Menu</nav>"
            b"<h2>Lights</h2><p>The <b>power</b> light is green when all is well with the line.</p>"
            b"<ul><li>Push <li>Pull</ul><table><tr><th>a<th>b<tr><td>c<td>d</table>"
            b"<h2>Password</h2><p>Open <a href='javascript:x'>the page</a> of the <a href='https://a.example/p'>router"
            b"</a> and change what is printed below it.</p></body></html>",
        ),
        (
            "pdf",
            pdf(("Router guide", 24), ("Lights", 16), ("The power light is green when all is well with the line.", 11),
                ("Password", 16), ("Open the page of the router and change the password below it.", 11)),
        ),
    ],
    ids=["md", "docx", "html", "pdf"],
)  # fmt: skip
def test_every_kind_becomes_the_same_pieces(kind, data):
    pieces = read(kind, data, "guide")
    assert {"Lights", "Password"} <= set(titles(pieces))
    lights = next(one for one in pieces if one.title == "Lights")
    assert "light is green" in lights.markdown
    whole = "".join(one.markdown for one in pieces)
    assert not re.search("Evil|Menu|javascript", whole)
    if kind in ("docx", "html"):
        assert "| a | b |\n|---|---|\n| c | d |" in whole
        assert "\n- Pu" in whole
    if kind == "html":
        assert "[router](https://a.example/p)" in whole


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_questions_and_answers(encoding, separator):
    rows = [("分类", "问题", "答案"), ("账单", "怎么付款？", "在应用里付款，或者去营业厅。"), ("", "空的", "")]
    rows.append(("网络", "红灯亮了怎么办？", "请把光缆插紧，等一两分钟。"))
    text = "\r\n".join(separator.join(row) for row in rows)
    pieces = read("csv", text.encode(encoding), "faq")
    assert titles(pieces) == ["怎么付款？", "红灯亮了怎么办？"]
    assert (pieces[0].category, pieces[0].language, pieces[1].markdown) == ("账单", "zh", "请把光缆插紧，等一两分钟。")


def test_a_table_without_names_has_questions_first():
    pieces = read("csv", b'How much is it?,"Ten, or\ntwenty."\nWhere?,Here and there.\n', "faq")
    assert (pieces[0].title, pieces[0].markdown) == ("How much is it?", "Ten, or\ntwenty.")


def test_encodings():
    assert decoded("退货说明".encode("gb18030")) == "退货说明"
    for wrong in (bytes(range(128, 256)) * 20, "Grüße aus Köln, süß".encode("latin-1")):
        with pytest.raises(DocumentError) as refused:
            decoded(wrong)
        assert refused.value.key == "encoding"


# ---------------------------------------------------------------- harm, in the process of its own


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)
    return out.getvalue()


def flate_bomb() -> bytes:
    """A PDF whose page is a gigabyte of blanks, packed three times."""
    packed = zlib.compress(b" " * (1 << 26))
    for _ in range(2):
        packed = zlib.compress(packed)
    head = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    page = b"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<<>>>>endobj\n"
    filters = b"/Filter[/FlateDecode/FlateDecode/FlateDecode]"
    stream = b"4 0 obj<</Length %d%s>>stream\n%s\nendstream endobj\n" % (len(packed), filters, packed)
    return head + page + stream + b"trailer<</Root 1 0 R>>\n%%EOF"


BOMB = archive(word__document_xml=b"<w/>", word__media=b"\0" * (80 << 20))
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><w>&b;</w>'
HARM = [
    ("a.docx", BOMB, {"bomb"}),
    ("a.docx", archive(word__document_xml=LAUGHS), {"entities"}),
    ("a.docx", archive(other=b"x"), {"not_a"}),
    ("a.docx", word()[:-400], {"not_a", "damaged"}),
    ("a.docx", b"\xd0\xcf\x11\xe0" + b"\0" * 900, {"old_word"}),
    ("a.pdf", flate_bomb(), {"too_much", "damaged", "scanned"}),
    ("a.pdf", pdf(("Hello", 12))[:200], {"damaged", "scanned"}),
    ("a.pdf", b"%PDF-1.7\n" + b"\xff" * 5000, {"damaged"}),
    ("a.pdf", pdf(), {"scanned"}),
    ("a.pdf", b"hello", {"not_a"}),
    ("a.html", b"<div>" * 200_000 + b"deep", {"empty", "damaged", "too_much"}),
    ("a.html", LAUGHS.replace(b"w>", b"p>"), {"", "empty"}),
    ("a.html", b"just words", {"no_html"}),
    ("a.md", b"\x89PNG\0\0\0\rIHDR", {"binary"}),
    ("a.md", b" \n ", {"empty"}),
    ("a.md", b"word " * 500_000, {"too_long"}),
    ("a.csv", b"only one column\nand so on\n", {"columns"}),
    ("a.csv", b"question,answer\n" * 1, {"no_rows"}),
    ("a.csv", b"q,a\n" + b"x,y\n" * 3000, {"rows"}),
    ("a.exe", b"MZ", {"kind"}),
    ("a.md", b"x" * (11 << 20), {"size"}),
]


async def test_harm_is_named_and_the_next_document_is_read():
    reader = DocumentReader()

    async def told(name: str, data: bytes) -> str:
        try:
            await reader.read(name, data)
        except DocumentError as error:
            return error.key
        return ""

    answers = await asyncio.gather(*(told(name, data) for name, data, _ in HARM))
    for (name, data, expected), answer in zip(HARM, answers, strict=True):
        assert answer in expected, (name, data[:60], answer)
    assert titles(await reader.read("guide.md", GUIDE.encode()))[1] == "Lights"


async def test_what_takes_too_long_is_ended():
    with pytest.raises(DocumentError) as refused:
        await DocumentReader(deadline_s=0.01).read("guide.md", GUIDE.encode())
    assert refused.value.key == "slow"
