"""Markdown, HTML, PDF, Word and tables of questions and answers, as Markdown. Only `server.documents.child` runs this.

What is read is somebody's file: nothing of it is executed, fetched or expanded. The process has limits of memory and
time besides (`server.documents.reading`); the checks here are for a precise answer before those bite.
"""

from __future__ import annotations

import csv
import io
import re
import statistics
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, Final

from server.documents.errors import DocumentError
from server.documents.split import Piece, split

MOST_PAGES: Final = 400
MOST_UNPACKED: Final = 60 * 1024 * 1024
"""Bytes of everything in a Word file, unpacked."""
MOST_MEMBERS: Final = 3_000
MOST_CHARACTERS: Final = 2_000_000
MOST_ROWS: Final = 2_000
HEADING_RATIO: Final = 1.12
"""A line of a PDF is a heading from this many times the size of the body's letters."""
_BLANKS: Final = re.compile(r"[ \t\u00a0]+")
_QUESTION: Final = ("question", "q", "title", "问题", "问", "标题", "提问")
_ANSWER: Final = ("answer", "a", "text", "回答", "答案", "答", "内容", "解答")
_CATEGORY: Final = ("category", "topic", "分类", "类别", "类目")


def read(kind: str, data: bytes, name: str) -> list[Piece]:
    """The pieces of a document; ``kind`` is ``md``, ``html``, ``pdf``, ``docx`` or ``csv``.

    Raises:
        DocumentError: It cannot be used; says why.
    """
    if not data.strip():
        raise DocumentError("empty")
    if kind == "csv":
        return table(decoded(data))
    readers: dict[str, Callable[[bytes], str]] = {"md": _markdown, "html": _html, "pdf": _pdf, "docx": _docx}
    markdown = readers[kind](data)
    if len(markdown) > MOST_CHARACTERS:
        raise DocumentError("too_long", most=MOST_CHARACTERS)
    pieces = [one for one in split(_tidy(markdown), name) if one.markdown]
    if not pieces:
        raise DocumentError("scanned" if kind == "pdf" else "empty")
    return pieces


def decoded(data: bytes) -> str:
    """Text by its byte order mark, else UTF-8, else GB 18030.

    Raises:
        DocumentError: ``encoding`` where it is none of these, ``binary`` where it is no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        order = ("utf-16",)
    elif b"\0" in data[:100_000]:
        raise DocumentError("binary")
    else:
        order = ("utf-8-sig", "gb18030")  # type: ignore[assignment]  # of another length
    for encoding in order:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "gb18030" and not _is_chinese(text):
            break  # almost any bytes are GB 18030
        return text
    raise DocumentError("encoding")


def _is_chinese(text: str) -> bool:
    """Whether text that is not ASCII is mostly common Chinese, which bytes of other encodings hardly ever become."""
    strange = [one for one in text if ord(one) > 127]
    common = sum("\u4e00" <= one <= "\u9fa5" or one in "，。、；：？！（）《》“”‘’…—·￥％" for one in strange)
    return common > 0.9 * len(strange)


def _tidy(markdown: str) -> str:
    lines = [line.rstrip() for line in markdown.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _markdown(data: bytes) -> str:
    text = decoded(data)
    front = re.match(r"\A---\n.*?\n---\n", text.replace("\r\n", "\n"), re.DOTALL)
    return text.replace("\r\n", "\n")[front.end() :] if front else text


# ---------------------------------------------------------------- HTML


_BLOCKS: Final = frozenset(
    ("p", "div", "section", "article", "main", "header", "footer", "address", "table", "tr", "ul", "ol", "dl", "dt",
     "dd", "figure", "figcaption", "form")
)  # fmt: skip
_SKIPPED: Final = frozenset(
    ("script", "style", "noscript", "template", "head", "nav", "iframe", "object", "embed", "svg", "math", "canvas",
     "select", "button")
)  # fmt: skip


def _html(data: bytes) -> str:
    from lxml import etree, html  # noqa: PLC0415 (only this kind needs it)

    text = decoded(data)
    if "<" not in text:
        raise DocumentError("no_html")
    parser = html.HTMLParser(no_network=True, recover=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text), parser=parser)
    except (etree.LxmlError, ValueError) as error:
        raise DocumentError("damaged", kind="HTML") from error
    out: list[str] = []
    title = root.findtext(".//head/title")
    body = root.find("body")
    start = root if body is None else body
    if title and title.strip() and start.find(".//h1") is None:
        out.append(f"# {_words(title)}\n\n")
    _walk(start, out)
    return "".join(out)


def _walk(root: Any, out: list[str]) -> None:
    """Writes an element's content as Markdown. Without recursion: how deep a page nests is its author's choice."""
    work: list[tuple[str, Any]] = [("open", root)]
    lists: list[str] = []
    while work:
        step, one = work.pop()
        if step == "text":
            out.append(one)
            continue
        if step == "pop":
            lists.pop()
            continue
        tag = one.tag if isinstance(one.tag, str) else ""
        if tag in _SKIPPED or not tag:
            continue
        before, after = _around(tag, one, lists)
        inside: list[tuple[str, Any]] = [("text", before)]
        if tag == "table":
            inside.append(("text", _table_of(one)))
        elif tag == "pre":
            inside.append(("text", "".join(one.itertext())))
        else:
            if tag in ("ul", "ol"):
                lists_now = "1." if tag == "ol" else "-"
                lists.append(lists_now)
            inside.append(("text", _words(one.text or "", edges=True)))
            for child in one:
                inside += [("open", child), ("text", _words(child.tail or "", edges=True))]
            if tag in ("ul", "ol"):
                inside.append(("pop", None))
        inside.append(("text", after))
        work.extend(reversed(inside))


def _around(tag: str, one: Any, lists: list[str]) -> tuple[str, str]:
    if re.fullmatch(r"h[1-6]", tag):
        return f"\n\n{'#' * int(tag[1])} ", "\n\n"
    if tag == "li":
        return f"\n{'  ' * max(len(lists) - 1, 0)}{lists[-1] if lists else '-'} ", ""
    if tag == "a":
        target = str(one.get("href") or "")
        linked = target.startswith(("https://", "http://")) and "".join(one.itertext()).strip()
        return ("[", f"]({target})") if linked and not re.search(r"[()\s]", target) else ("", "")
    if tag == "pre":
        return "\n\n```\n", "\n```\n\n"
    plain = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`"}
    if tag in plain and "".join(one.itertext()).strip():
        return plain[tag], plain[tag]
    if tag == "br":
        return "  \n", ""
    if tag == "hr":
        return "\n\n---\n\n", ""
    if tag == "blockquote":
        return "\n\n> ", "\n\n"
    if tag == "img":
        return _words(str(one.get("alt") or "")), ""
    return ("\n\n", "\n\n") if tag in _BLOCKS else ("", "")


def _table_of(table: Any) -> str:
    rows = [[_words(" ".join(cell.itertext())) for cell in row.iter("td", "th")] for row in table.iter("tr")]
    return _table_lines([row for row in rows if any(row)])


def _table_lines(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    width = max(map(len, rows))
    cells = [
        [cell.replace("|", "\\|").replace("\n", " ") for cell in [*row, *[""] * (width - len(row))]] for row in rows
    ]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], f"|{'---|' * width}", *lines[1:]])


def _words(text: str, *, edges: bool = False) -> str:
    """Text in one line; ``edges`` keeps a blank at either end, where the next element follows."""
    flat = re.sub(r"\s+", " ", text)
    return flat if edges else flat.strip()


# ---------------------------------------------------------------- PDF


def _pdf(data: bytes) -> str:
    from pypdf import PdfReader  # noqa: PLC0415
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    if not data.lstrip()[:1024].startswith(b"%PDF"):
        raise DocumentError("not_a", kind="PDF")
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("locked")
        if len(reader.pages) > MOST_PAGES:
            raise DocumentError("pages", pages=len(reader.pages), most=MOST_PAGES)
        lines = [line for page in reader.pages for line in _lines_of(page)]
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, AssertionError) as error:
        # A damaged file fails wherever its reader looks first.
        raise DocumentError("damaged", kind="PDF") from error
    except NotImplementedError as error:
        raise DocumentError("locked") from error
    return _with_headings(lines)


def _lines_of(page: Any) -> list[tuple[str, float]]:
    """(text, size of its letters) of a page's lines; an empty text is a gap."""
    found: list[tuple[str, float]] = []
    parts: list[str] = []
    sizes: list[tuple[float, int]] = []

    def flush() -> None:
        text = _words("".join(parts))
        size = max(sizes, key=lambda one: one[1])[0] if sizes else 0.0
        found.append((text, size))
        parts.clear()
        sizes.clear()

    def take(text: str, _cm: Any, matrix: Any, _font: Any, size: Any) -> None:
        scale = abs(float(matrix[3])) or abs(float(matrix[0])) or 1.0
        for number, part in enumerate(text.split("\n")):
            if number:
                flush()
            parts.append(part)
            if part.strip():
                sizes.append((round(float(size or 0) * scale, 1), len(part)))

    page.extract_text(visitor_text=take)
    flush()
    return found


def _with_headings(lines: list[tuple[str, float]]) -> str:
    """Lines as paragraphs, larger ones as headings: the largest size is level 1, and so on down to 3."""
    letters = [size for text, size in lines for _ in range(min(len(text), 200)) if size]
    body = statistics.median(letters) if letters else 0.0
    larger = sorted({size for text, size in lines if text and body and size >= body * HEADING_RATIO}, reverse=True)
    out: list[str] = []
    for text, size in lines:
        if not text:
            out.append("")
        elif size in larger and len(text) < 120:
            out.append(f"\n{'#' * min(larger.index(size) + 1, 3)} {text}\n")
        elif re.match(r"[•●▪◦‣·–]\s*\S", text):
            out.append(f"- {text[1:].strip()}")
        else:
            out.append(text.replace("#", "\\#", 1) if text.startswith("#") else text)
    return "\n".join(out)


# ---------------------------------------------------------------- Word


def _docx(data: bytes) -> str:
    import docx  # noqa: PLC0415
    from docx.table import Table  # noqa: PLC0415

    _check_archive(data)
    try:
        document = docx.Document(io.BytesIO(data))
        out = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                rows = [[_words(cell.text) for cell in row.cells] for row in block.rows]
                out.append(_table_lines([row for row in rows if any(row)]))
            else:
                out.append(_paragraph(block))
        return "\n\n".join(out)
    except Exception as error:  # python-docx raises whatever the part of the file that is wrong leads to
        if isinstance(error, DocumentError | MemoryError):
            raise
        raise DocumentError("damaged", kind="Word") from error


def _check_archive(data: bytes) -> None:
    if data[:4] == b"\xd0\xcf\x11\xe0":
        raise DocumentError("old_word")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if "word/document.xml" not in archive.namelist():
                raise DocumentError("not_a", kind="Word")
            if any(one.flag_bits & 1 for one in members):
                raise DocumentError("locked")
            if len(members) > MOST_MEMBERS or sum(one.file_size for one in members) > MOST_UNPACKED:
                raise DocumentError("bomb", most=MOST_UNPACKED // 1024 // 1024)
            for one in members:
                # What an entry says of its size may be a lie: read it as the reader would, but no further.
                with archive.open(one) as opened:
                    if len(opened.read(one.file_size + 1)) > one.file_size:
                        raise DocumentError("bomb", most=MOST_UNPACKED // 1024 // 1024)
                if one.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.read(one)[:4096]:
                    raise DocumentError("entities")
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise DocumentError("not_a", kind="Word") from error
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]  # imported there, as its own documentation says
        raise DocumentError("damaged", kind="Word") from error


def _paragraph(paragraph: Any) -> str:
    style = str(getattr(paragraph.style, "name", "") or "")
    runs = [(run.text, bool(run.bold)) for run in paragraph.runs]
    text = _words(paragraph.text)
    if not text:
        return ""
    heading = re.fullmatch(r"(?:Heading|标题)\s*([1-6])", style)
    if style in ("Title", "标题") or heading:
        return f"{'#' * (int(heading[1]) if heading else 1)} {text}"
    if "List Number" in style:
        return f"1. {text}"
    if style.startswith("List") or (paragraph._p.pPr is not None and paragraph._p.pPr.numPr is not None):
        return f"- {text}"
    if runs and all(bold for words, bold in runs if words.strip()) and len(text) < 80:
        return f"**{text}**"
    return text


# ---------------------------------------------------------------- questions and answers


def table(text: str) -> list[Piece]:
    """A table of questions and answers: one piece each.

    The first row names the columns (question, answer, category, in Chinese or English); without such names the first
    column holds questions, the second answers.

    Raises:
        DocumentError: ``columns`` where there are no two, ``rows`` where there are too many, ``no_rows``.
    """
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    dialect.doublequote = True
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), dialect) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DocumentError("damaged", kind="CSV") from error
    if len(rows) > MOST_ROWS:
        raise DocumentError("rows", rows=len(rows), most=MOST_ROWS)
    if not rows or max(map(len, rows)) < 2:
        raise DocumentError("columns")
    return list(_asked(rows)) or _no_rows()


def _asked(rows: list[list[str]]) -> Iterator[Piece]:
    names = [cell.strip().lower().lstrip("\ufeff") for cell in rows[0]]
    place = {
        what: next((at for at, name in enumerate(names) if name in known), None)
        for what, known in (("question", _QUESTION), ("answer", _ANSWER), ("category", _CATEGORY))
    }
    named = place["question"] is not None and place["answer"] is not None
    question, answer = (place["question"], place["answer"]) if named else (0, 1)
    assert question is not None
    assert answer is not None
    for row in rows[1:] if named else rows:
        cells = [*row, "", ""]
        asked, said = (_BLANKS.sub(" ", cells[at] if at < len(cells) else "").strip() for at in (question, answer))
        if asked and said:
            at = place["category"] if named else None
            (piece, *_) = split(said, asked) or [Piece(asked, said)]
            yield Piece(
                asked[:200], said, cells[at].strip()[:60] if at is not None and at < len(cells) else "",
                piece.language, piece.summary,
            )  # fmt: skip


def _no_rows() -> list[Piece]:
    raise DocumentError("no_rows")
