"""Reading examples: what is understood, what is reported, with its place."""

from pathlib import Path

import pytest

from server.nlu.data import DataError, Span, load, load_entities

YAML = """version: "3.1"
nlu:
  - intent: change_plan
    examples: |
      - change to [the 30GB one](plan:plus) please
      - 换成[青叶]{"entity": "plan", "value": "plus"}👍[5GB](volume)
  - synonym: plus
    examples: |
      - 青叶
"""


def _file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_inline_entities_become_spans_of_code_points(tmp_path: Path) -> None:
    data = load([_file(tmp_path, "a.yml", YAML)])
    first, second = data.examples
    assert first.text == "change to the 30GB one please"
    assert first.entities == (Span(10, 22, "plan", "plus"),)
    assert second.text == "换成青叶👍5GB"
    assert second.entities == (Span(2, 4, "plan", "plus"), Span(5, 8, "volume", "5GB"))
    assert second.place.endswith("a.yml:6")
    assert data.synonyms == {"青叶": "plus"}


def test_both_formats_say_the_same(tmp_path: Path) -> None:
    row = '{"text": "pay 5 yuan", "intent": "pay", "entities": [{"start": 4, "end": 10, "entity": "amount"}]}\n'
    lines = load([_file(tmp_path, "a.jsonl", row)])
    rasa = load([_file(tmp_path, "a.yml", "nlu:\n- intent: pay\n  examples: |\n    - pay [5 yuan](amount)\n")])
    assert lines.digest() == rasa.digest()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x", "intent": "y"}\n{"text": \n', r"a\.jsonl:2: not valid JSON"),
        ("a.jsonl", '{"text": "x", "intent": "y", "colour": 1}\n', r'a\.jsonl:1: unknown field "colour"'),
        ("a.jsonl", '{"intent": "y"}\n', r"a\.jsonl:1: expected"),
        ("a.jsonl", "x\n\n你".encode("gb18030"), r"a\.jsonl:3: not UTF-8"),
        ("a.jsonl", "\n", "no examples"),
        ("a.yml", "nlu:\n- intent: x\n  examples: |\n    no dash\n", r"a\.yml:4: an example begins with"),
        ("a.yml", "nlu:\n- intnt: x\n  examples: |\n    - y\n", r"a\.yml:2: expected one of intent"),
        ("a.yml", "stories:\n- x\n", r'a\.yml:1: unknown key "stories"'),
        ("a.yml", "nlu: [\n", r"a\.yml:2: not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load([_file(tmp_path, name, content)])


def test_doubtful_examples_are_reported_and_the_rest_is_used(tmp_path: Path) -> None:
    pair = '{"start": %d, "end": %d, "entity": "a"}, {"start": %d, "end": %d, "entity": "b"}'
    rows = [
        '{"text": "hello there", "intent": "greet"}',
        '{"text": "Hello there", "intent": "greet"}',
        '{"text": "hello there", "intent": "bye"}',
        '{"text": "see 12 yuan", "intent": "bye", "entities": [' + pair % (4, 11, 4, 6) + "]}",
        '{"text": "seeing", "intent": "bye", "entities": [' + pair % (0, 3, 3, 99) + "]}",
        '{"text": " ", "intent": "bye"}',
        '{"text": "one of a kind", "intent": "rare"}',
    ]
    data = load([_file(tmp_path, "a.jsonl", "\n".join(rows))])
    said = {(p.severity, p.place.rsplit(":", 1)[1]) for p in data.problems}
    assert said == {
        *(("warning", line) for line in "1257"),
        *(("error", line) for line in "3456"),
    }
    assert [e.text for e in data.examples] == ["hello there", "see 12 yuan", "seeing", "one of a kind"]
    assert [len(e.entities) for e in data.examples] == [0, 1, 1, 0]


def test_unknown_fields_of_an_entity_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='entity "plan": unknown field "normalize"'):
        load_entities(_file(tmp_path, "entities.yml", "entities:\n  plan:\n    normalize: code\n"))
