"""The page of an evaluation: what it shows, and that data on it stays data."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from server.nlu import report
from server.nlu.data import Example, Span
from server.nlu.engine import Entity, Intent, Parse
from server.nlu.evaluate import Evaluation


def example(text: str, intent: str, *spans: Span) -> Example:
    return Example(text, intent, spans, "test/en/held-out.yml:1")


def parse(text: str, intent: str, confidence: float, *entities: Entity) -> Parse:
    top = Intent(intent, confidence)
    return Parse(text, "en", top, (top,), entities, 0.1, 0.5, 0.1, "r-1", "embedded", 1.0)


def made() -> str:
    wrong = "where is <b>my</b> parcel"
    examples = [
        example("how much do I owe", "check_bill"),
        example(wrong, "order_status"),
        example("track QH1", "order_status", Span(6, 9, "order_number", "QH1")),
        example("how to cook", "oos"),
    ]
    parses = [
        parse("how much do I owe", "check_bill", 0.9),
        parse(wrong, "check_bill", 0.8),
        parse("track QH1", "order_status", 0.7),
        parse("how to cook", "greet", 0.2),
    ]
    return report.page(
        Evaluation(metrics={"examples": 4, "ece": None}, examples=examples, parses=parses), title="M & D"
    )


def test_mistakes_are_named_and_what_was_written_is_no_markup() -> None:
    page = made()
    assert "<title>M &amp; D</title>" in page
    assert "&lt;b&gt;my&lt;/b&gt;" in page
    assert "<b>my" not in page
    assert "<td>order_status</td><td>check_bill</td>" in page  # the confusion
    assert "order_number: QH1" in page  # marked, and not found
    assert "how to cook" not in page  # the model does not act on it: no mistake


def test_plots_are_well_formed() -> None:
    page = made()
    drawings = [part[: part.index("</svg>") + 6] for part in ("<svg" + rest for rest in page.split("<svg")[1:])]
    assert len(drawings) == 3
    reliability, risk, grid = (ElementTree.fromstring(one) for one in drawings)
    assert len(reliability.findall("circle")) == 3  # as many as there are messages, where they are few
    assert risk.find("polyline") is not None
    assert {rect.findtext("title") for rect in grid.findall("rect")} == {
        "check_bill → check_bill: 1",
        "order_status → check_bill: 1",
        "order_status → order_status: 1",
    }


def test_a_page_without_anything_in_scope_is_written_whole(tmp_path: Path) -> None:
    nothing = Evaluation(metrics={}, examples=[], parses=[])
    report.write(nothing, tmp_path / "page.html", title="nothing")
    assert (tmp_path / "page.html").read_text().rstrip().endswith("</html>")
