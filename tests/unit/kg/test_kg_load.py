from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kg import nodelink
from kg.cli_api import check, export_files, import_files
from kg.convert import to_yaml
from kg.load import GraphError, load, load_texts
from kg.model import Graph, Who

GOOD = """
products: {phone: {name: {zh: 手机, en: Phone}}}
components: {radio: {name: {zh: 无线, en: Radio}, product: phone}}
skills: {team: {name: {zh: 团队, en: Team}}}
documents: {help: {title: {zh: 帮助, en: Help}}}
symptoms:
  dead:
    name: {zh: 没信号, en: No signal}
    caused_by: off or broken
    works: [{zh: 好了吗？, en: Better?}]
    product: phone
    retest: look
    phrases: {zh: [没信号], en: [no signal]}
gates:
  broken: {formula: "2 of (wire, chip, off)"}
faults:
  "off": {name: {zh: 关着, en: Off}, prior: 0.3, component: radio, document: help}
  wire: {name: {zh: 线断, en: Wire}, prior: 0.1, handoff: policy, skill: team}
  chip: {name: {zh: 芯片, en: Chip}, prior: 0.1, handoff: policy}
checks:
  look:
    name: {zh: 看, en: Look}
    ask: [{zh: 亮吗？, en: Lit?}, {zh: 有光吗？, en: Any light?}]
    sensitivity: 0.9
    specificity: 0.8
    outcomes:
      dark: {label: {zh: No, en: No}, when: "off", says: {zh: [不亮], en: [dark]}}
      lit: {label: {zh: 亮, en: Lit}}
fixes:
  switch_on:
    name: {zh: 打开, en: Switch on}
    do: [{zh: 请打开, en: Switch it on}, {zh: 请再打开, en: Switch it on again}]
    repairs: {"off": 0.95}
"""


def refused(text: str) -> list[str]:
    with pytest.raises(GraphError) as caught:
        load_texts({"g.yaml": text})
    return list(caught.value.problems)


def test_a_good_file() -> None:
    graph = load_texts({"g.yaml": GOOD})
    facet = graph.facets["look"]
    assert facet.normal == "lit"
    assert facet.outcomes["dark"].given == {"dark": 0.9, "lit": pytest.approx(0.1)}
    assert facet.outcomes["lit"].given == {"dark": pytest.approx(0.2), "lit": 0.8}
    assert graph.checks["look"].who is Who.CUSTOMER
    assert graph.network.nodes["dead"]["kind"] == "symptom"
    assert graph.network.edges["switch_on", "off"]["role"] == "repairs"
    with pytest.raises(Exception, match=r"[Ff]rozen"):
        graph.network.add_node("new")


def test_versions_tell_content_apart() -> None:
    assert load_texts({"a": GOOD}).version == load_texts({"b": GOOD}).version
    assert load_texts({"a": GOOD}).version != load_texts({"a": GOOD.replace("0.95", "0.96")}).version
    used = load_texts({"a": GOOD})
    assert [node.below for node in used.nodes.values() if node.references]
    assert used.version == load_texts({"a": GOOD}).version


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("prior: 0.3", "prior: 1.3", "a probability lies in [0, 1]"),
        ("prior: 0.3", "prior: often", "must be a number"),
        ("prior: 0.3, ", "", 'lacks the field "prior"'),
        ("name: {zh: 关着, en: Off}", "name: {zh: 关着}", 'lacks its "en" text'),
        ("name: {zh: 关着, en: Off}", "name: Off", "{zh: …, en: …}"),
        ("prior: 0.3", "prior: 0.3, color: red", 'unknown field "color"'),
        ("caused_by: off or broken", "caused_by: off or", "at the end"),
        ("caused_by: off or broken", "caused_by: off or ghost or broken", '"ghost", which does not exist'),
        ("component: radio", "component: phone", 'but "phone" is a product'),
        ("retest: look", "retest: stare", '"stare", which does not exist'),
        ('"2 of (wire, chip, off)"', '"9 of (wire, chip, off)"', "asks for 9 of 3"),
        ('"2 of (wire, chip, off)"', "wire and chip and broken", "broken → broken form a cycle"),
        ('dark: {label: {zh: No, en: No}, when: "off", says', "dark: {label: {zh: No, en: No}, says", 'without "when"'),
        (
            "  look:\n    name: {zh: 看, en: Look}",
            "  look:\n    who: cat\n    name: {zh: 看, en: Look}",
            "customer, system",
        ),
        (", {zh: 有光吗？, en: Any light?}", "", "needs 2 different wordings"),
        ("handoff: policy, skill", "handoff: magic, skill", "policy, safety"),
        ("handoff: policy, skill: team", "skill: team", "has no fix"),
        ('repairs: {"off": 0.95}', 'repairs: {"off": 2}', "[0, 1]"),
    ],
)
def test_mistakes_name_file_line_node_and_way_out(old: str, new: str, says: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    found = refused(text)
    assert says in found[0], found
    assert found[0].startswith("g.yaml:")
    changed = [n for n, (a, b) in enumerate(zip(GOOD.splitlines(), text.splitlines(), strict=False), 1) if a != b]
    line = int(found[0].split(":")[1])
    # The line is that of the change, or of the node that it is in.
    assert min(changed) - 12 <= line <= max(changed, default=line) if new else line > 0


def test_faults_that_nothing_reaches_are_named() -> None:
    text = GOOD.replace("skills:", "ghosts:", 1)
    assert 'unknown section "ghosts"' in refused(text)[0]
    lonely = "  lonely: {name: {zh: 孤, en: Lonely}, prior: 0.1, handoff: policy}\n"
    text = GOOD.replace("checks:\n", lonely + "checks:\n", 1)
    assert refused(text) == [
        f'g.yaml:{line_of(text, "lonely")}: fault "lonely" causes no symptom; '
        'name it in a "caused_by" or in a gate there, '
        "or remove it"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x 1\nb: *x\n", "aliases"),
        ("symptoms: {a: 1, a: 2}", "occurs twice"),
        ("symptoms: [", "not readable as YAML"),
        ("- a", "must be a mapping"),
        ("symptoms: !!python/object/apply:os.system ['true']", "must be a mapping from ids"),
        ("symptoms: {x: !!python/name:os.system }", "not allowed"),
        ("faults: {or: {name: {zh: a, en: b}, prior: 0}}", "cannot be an id"),
        ("a: " + "[" * 100_000, "nested deeper"),
        ("symptoms: {s: " + "[" * 60 + "]" * 60 + "}", "nested deeper"),
    ],
)
def test_hostile_or_broken_yaml_is_refused(text: str, says: str) -> None:
    assert says in refused(text)[0]


def test_too_many_nodes_are_refused() -> None:
    text = "skills: {" + ", ".join(f"s{i}: 1" for i in range(100_000)) + "}"
    assert "more than 60000 nodes" in refused(text)[0]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="cannot be read"):
        load([tmp_path / "nothing.yaml"])
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe\xe9")
    with pytest.raises(GraphError, match="UTF-8"):
        load([tmp_path])
    assert "latin.yaml" in check([tmp_path]).problems[0]


def test_yaml_and_node_link_go_round() -> None:
    graph = load_texts({"g.yaml": GOOD})
    assert load_texts({"again.yaml": to_yaml(graph)}) == graph
    again = nodelink.read(json.loads(json.dumps(nodelink.export(graph))))
    assert again == graph
    assert again.version == graph.version


def node_link(change: Any) -> dict[str, Any]:
    data = json.loads(json.dumps(nodelink.export(load_texts({"g.yaml": GOOD}))))
    change(data)
    return dict(data)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["nodes"][0].pop("id"), 'needs an "id"'),
        (lambda d: d["nodes"].append(d["nodes"][0]), "occurs twice"),
        (lambda d: d["links"].append({"source": "off", "target": "wire"}), "does not follow"),
        (lambda d: d.pop("nodes"), 'a list "nodes"'),
        (lambda d: [n["data"].update(prior=7) for n in d["nodes"] if n["id"] == "off"], "[0, 1]"),
        (lambda d: d["nodes"].extend([d["nodes"][0]] * 70_000), "more than 60000"),
    ],
)
def test_wrong_node_link_documents_are_refused(change: Any, says: str) -> None:
    with pytest.raises(GraphError) as caught:
        nodelink.read(node_link(change))
    assert says in str(caught.value)


def test_import_and_export_through_files(tmp_path: Path) -> None:
    source = tmp_path / "g.yaml"
    source.write_text(GOOD, "utf-8")
    (tmp_path / "g.json").write_text(export_files([source], "nodelink"), "utf-8")
    assert load_texts({"x": import_files([tmp_path / "g.json"])}) == load([source])
    (tmp_path / "g.xml").write_text(export_files([source], "openpsa", top="dead"), "utf-8")
    (tmp_path / "back.yaml").write_text(import_files([tmp_path / "g.xml"]), "utf-8")
    back: Graph = load([tmp_path / "back.yaml"])
    assert back.symptoms["dead"].caused_by.args
    assert back.faults["off"].prior == 0.3
    assert check([tmp_path / "back.yaml"]).ok
