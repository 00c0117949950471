"""Operations, problems, diff and merge of graphs that are edited."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kg
from kg import schema
from kg.diff import diff, merge, operations
from kg.editing import Content, EditError, Raw, apply, apply_with_undo
from kg.load import load
from kg.model import Graph, Kind, kind_of
from kg.problems import Reader, codes

GRAPH = load([Path(kg.__file__).parent / "data"])
DEMO = Content.of_graph(GRAPH)


def put(node: str, kind: str, /, **data: Any) -> dict[str, Any]:
    return {"op": "put", "node": {"id": node, "kind": kind, "data": data}}


def text(en: str, zh: str = "文字") -> dict[str, str]:
    return {"zh": zh, "en": en}


def found(content: Content) -> list[tuple[str, str, tuple[str | int, ...]]]:
    return [(one.code, one.node, one.path) for one in Reader().check(content).problems if one.severity == "error"]


# --------------------------------------------------------------------------- contents and graphs


def test_a_graph_is_the_same_after_its_plain_form():
    checked = Reader().check(Content.from_json(DEMO.as_json()))
    assert checked.finished
    assert not checked.errors
    assert checked.graph == GRAPH
    assert checked.graph.version == GRAPH.version


def test_likelihoods_are_written_in_short_and_read_back_exactly():
    kinds = {name: schema.node(raw.kind, name, raw.data) for name, raw in DEMO.nodes.items()}
    assert kinds == GRAPH.nodes
    given = [name for name, raw in DEMO.nodes.items() if "'given'" in repr(raw.data)]
    assert len(given) < len(GRAPH.checks) / 2, given


# --------------------------------------------------------------------------- operations


def test_operations_change_a_copy_and_undo_leads_back():
    fault = next(iter(GRAPH.faults))
    after, undo = apply_with_undo(
        DEMO,
        [
            put("loose_cable", "fault", name=text("Loose cable"), prior=0.1),
            {"op": "set", "node": fault, "path": ["name", "en"], "value": "Another name"},
            {"op": "remove", "node": next(iter(GRAPH.fixes))},
            {"op": "place", "node": fault, "x": 3, "y": 4.5},
        ],
    )
    assert after.nodes["loose_cable"].data["prior"] == 0.1
    assert after.nodes[fault].data["name"]["en"] == "Another name"
    assert after.layout == {fault: (3.0, 4.5)}
    assert DEMO.nodes[fault].data["name"]["en"] != "Another name"
    assert "loose_cable" not in DEMO.nodes
    back = apply(after, undo)
    assert back.nodes == DEMO.nodes


def test_a_renamed_node_is_renamed_wherever_it_is_named():
    fault = "hdmi_loose"
    after, undo = apply_with_undo(DEMO, [{"op": "rename", "node": fault, "to": "hdmi_out"}])
    checked = Reader().check(after)
    assert not checked.errors
    assert "hdmi_out" in checked.graph.tree("tv_no_picture").events
    assert fault not in repr(after.as_json()["nodes"])
    assert apply(after, undo).nodes == DEMO.nodes


@pytest.mark.parametrize("name", sorted(GRAPH.checks)[:6] + sorted(GRAPH.gates)[:3] + sorted(GRAPH.components)[:2])
def test_renaming_keeps_a_graph_whole(name):
    after = apply(DEMO, [{"op": "rename", "node": name, "to": "quite_another"}])
    assert not Reader().check(after).errors


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"op": "put", "node": {"id": "a b", "kind": "fault", "data": {}}}, "id"),
        ({"op": "put", "node": {"id": "or", "kind": "fault", "data": {}}}, "id"),
        ({"op": "put", "node": {"id": "x", "kind": "thing", "data": {}}}, "kind"),
        ({"op": "put", "node": {"id": "x", "kind": "fault", "data": "text"}}, "operation"),
        ({"op": "put", "node": {"id": "x", "kind": "fault", "data": {"name": "\ud800"}}}, "character"),
        ({"op": "put", "node": {"id": "x", "kind": "fault", "data": {"\0": 1}}}, "character"),
        ({"op": "set", "node": "nobody", "path": ["name"], "value": 1}, "unknown_node"),
        ({"op": "set", "node": "hdmi_loose", "path": [], "value": 1}, "path"),
        ({"op": "set", "node": "hdmi_loose", "path": ["prior", "x"], "value": 1}, "path"),
        ({"op": "set", "node": "tv_no_picture", "path": ["works", 9, "zh"], "value": "x"}, "path"),
        ({"op": "rename", "node": "hdmi_loose", "to": "hdmi_wrong_input"}, "twice"),
        ({"op": "remove", "node": ["hdmi_loose"]}, "unknown_node"),
        ({"op": "place", "node": "hdmi_loose", "x": float("nan"), "y": 0}, "operation"),
        ({"op": "explode"}, "operation"),
        ("put", "operation"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(operation, code):
    with pytest.raises(EditError) as refused:
        apply(DEMO, [{"op": "place", "node": "hdmi_loose", "x": 1, "y": 1}, operation])
    assert (refused.value.index, refused.value.code) == (1, code)


def test_a_node_may_not_grow_without_bounds():
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    for data in ({"name": deep}, {"name": list(range(6000))}):
        with pytest.raises(EditError, match="nests at most"):
            apply(DEMO, [put("x", "fault", **data)])
    with pytest.raises(EditError, match="more than 2000"):
        apply(DEMO, [{"op": "place", "node": "hdmi_loose", "x": 1, "y": 1}] * 2001)


# --------------------------------------------------------------------------- problems


def test_an_unfinished_node_shows_its_own_problem_and_makes_no_others():
    begun = apply(
        DEMO,
        [
            put("sun_glare", "fault", name={"zh": "反光", "en": ""}, prior=0.1),
            {"op": "set", "node": "tv_no_picture", "path": ["caused_by"],
             "value": DEMO.nodes["tv_no_picture"].data["caused_by"] + " or sun_glare"},
        ],
    )  # fmt: skip
    assert found(begun) == [("untranslated_en", "sun_glare", ("name", "en"))]
    finished = apply(begun, [{"op": "set", "node": "sun_glare", "path": ["name", "en"], "value": "Glare"}])
    assert found(finished) == [("no_fix", "sun_glare", ())]
    repaired = apply(
        finished,
        [put("draw_curtain", "fix", name=text("Curtain"), do=[text("Draw it"), text("Close it")],
             repairs={"sun_glare": 0.9})],
    )  # fmt: skip
    assert found(repaired) == []


def test_a_symptom_that_is_being_written_hides_no_fault():
    """Else every fault below it would look unreachable while somebody types a formula."""
    typing = apply(DEMO, [{"op": "set", "node": "tv_no_picture", "path": ["caused_by"],
                           "value": DEMO.nodes["tv_no_picture"].data["caused_by"] + " or ("}])  # fmt: skip
    assert found(typing) == [("formula", "tv_no_picture", ("caused_by",))]


def test_every_problem_has_both_texts():
    broken = apply(
        DEMO,
        [
            put("a", "gate", formula="b"),
            put("b", "gate", formula="a or nowhere or hdmi_loose"),
            put("c", "gate", formula="3 of (hdmi_loose, tv_no_picture)"),
            put("d", "fault", name=text("D"), prior=2),
            put("e", "symptom", name=text("E"), caused_by="hdmi_loose", works=[text("?")], implies={"x": "y"}),
            put("f", "check", name=text("F"), ask=[text("?")]),
            put("g", "product", name=text("one name", "one name"), size=3),
            {"op": "remove", "node": "tv_box"},
        ],
    )
    problems = Reader().check(broken).problems
    assert {
        "cycle",
        "dangling",
        "impossible_count",
        "wrong_kind",
        "probability",
        "unknown_outcome",
        "unknown_field",
    } <= {one.code for one in problems}
    for one in problems:
        assert one.text.zh
        assert one.text.en
        assert "{" not in one.text.zh
        assert one.code in codes()
    errors = [one.severity for one in problems]
    assert errors == sorted(errors)


def test_warnings_keep_nobody_from_publishing():
    odd = apply(
        DEMO,
        [
            put("spare", "product", name=text("The spare part", "The spare part")),
            put("idle", "fix", name=text("Idle"), do=[text("a"), text("b")], repairs={}),
            put("vain", "check", name=text("Vain"), ask=[text("a"), text("b")],
                outcomes={"yes": {"label": text("yes"), "when": "true"}, "no": {"label": text("no")}}),
        ],
    )  # fmt: skip
    checked = Reader().check(odd)
    assert not checked.errors
    assert {"warn.unused", "warn.repairs_nothing", "warn.no_use", "warn.same_text"} <= {
        one.code for one in checked.problems
    }


def test_a_reader_reads_only_what_changed(monkeypatch):
    reader = Reader()
    reader.check(DEMO)
    read: list[str] = []
    real = schema.node
    monkeypatch.setattr(schema, "node", lambda kind, name, data: read.append(name) or real(kind, name, data))
    reader.check(apply(DEMO, [{"op": "set", "node": "hdmi_loose", "path": ["prior"], "value": 0.2}]))
    assert read == ["hdmi_loose"]


# --------------------------------------------------------------------------- diff and merge

_TEXTS = st.fixed_dictionaries({"zh": st.sampled_from(["甲", "乙"]), "en": st.sampled_from(["a", "b", "c"])})
_DATA = st.fixed_dictionaries(
    {"name": _TEXTS},
    optional={
        "prior": st.sampled_from([0.1, 0.2]),
        "do": st.lists(_TEXTS, max_size=3),
        "then": st.lists(st.sampled_from(["x", "y"]), max_size=2),
        "repairs": st.dictionaries(st.sampled_from(["f", "g"]), st.sampled_from([0.5, 0.9])),
    },
)
_NODES = st.dictionaries(
    st.sampled_from(["n1", "n2", "n3", "n4"]),
    st.builds(Raw, st.sampled_from([Kind.FAULT, Kind.FIX]), _DATA),
)


@given(_NODES, _NODES)
def test_the_operations_of_a_difference_lead_from_one_to_the_other(before, after):
    target = Content(after, {})
    assert dict(apply(Content(before, {}), operations(Content(before, {}), target)).nodes) == after
    assert (diff(before, after) == []) == (before == after)


@given(_NODES, _NODES)
def test_a_difference_names_exactly_the_fields_that_differ(before, after):
    for change in diff(before, after):
        rebuilt = copy.deepcopy(before[change.id].data) if change.id in before else {}
        for field in change.fields:
            where = after.get(change.id)
            if field.path == ("kind",) and "kind" not in rebuilt:
                continue
            here: Any = rebuilt
            there: Any = where.data if where else None
            for part in field.path:
                here = here[part] if _has(here, part) else None
                there = there[part] if _has(there, part) else None
            assert here != there, field
    mirrored = {change.id: change.change for change in diff(after, before)}
    swapped = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {change.id: swapped[change.change] for change in diff(before, after)} == mirrored


def _has(value: Any, part: Any) -> bool:
    return (isinstance(value, dict) and part in value) or (
        isinstance(value, list) and isinstance(part, int) and part < len(value)
    )


@given(_NODES, _NODES)
def test_a_merge_with_an_unchanged_side_is_the_other_side(base, changed):
    assert merge(base, base, changed) == (changed, [])
    assert merge(base, changed, base) == (changed, [])
    assert merge(base, changed, changed) == (changed, [])


@given(_NODES, _NODES, _NODES)
@settings(max_examples=200)
def test_a_merge_is_the_same_from_both_sides(base, theirs, mine):
    merged, conflicts = merge(base, theirs, mine)
    mirrored, mirror_conflicts = merge(base, mine, theirs)
    assert {(one.node, one.path) for one in conflicts} == {(one.node, one.path) for one in mirror_conflicts}
    if not conflicts:
        assert merged == mirrored


@given(_NODES, _NODES, _NODES, st.sampled_from(["theirs", "mine"]))
@settings(max_examples=200)
def test_choices_settle_every_conflict(base, theirs, mine, side):
    _, conflicts = merge(base, theirs, mine)
    merged, left = merge(base, theirs, mine, {(one.node, one.path): side for one in conflicts})
    assert left == []
    if side == "mine":
        assert merged == merge(base, theirs, mine)[0]
    for one in conflicts:
        wanted = one.theirs if side == "theirs" else one.mine
        here: Any = merged[one.node].data if one.node in merged else None
        for part in one.path:
            here = here[part] if _has(here, part) else None
        assert here == wanted or (here is None and repr(wanted) == "MISSING")


@given(st.dictionaries(st.sampled_from(["n1", "n2", "n3", "n4"]), st.builds(Raw, st.just(Kind.FIX), _DATA), min_size=2),
       st.data())  # fmt: skip
def test_edits_of_different_fields_are_both_there_after_a_merge(base, data):
    names = sorted(base)
    theirs = apply(Content(base, {}), [{"op": "set", "node": names[0], "path": ["name", "zh"], "value": "新"}])
    mine = apply(
        Content(base, {}),
        [
            {"op": "set", "node": names[0], "path": ["name", "en"], "value": "new"},
            {"op": "set", "node": names[1], "path": ["cost"], "value": data.draw(st.integers(2, 9))},
        ],
    )
    merged, conflicts = merge(base, theirs.nodes, mine.nodes)
    assert conflicts == []
    assert merged[names[0]].data["name"] == {"zh": "新", "en": "new"}
    assert merged[names[1]] == mine.nodes[names[1]]


def test_a_diff_reads_by_node_and_field():
    after = apply(
        DEMO,
        [
            {"op": "set", "node": "hdmi_loose", "path": ["name", "en"], "value": "Cable loose"},
            {"op": "set", "node": "hdmi_loose", "path": ["prior"], "value": 0.25},
        ],
    )
    (change,) = diff(DEMO.nodes, after.nodes)
    assert (change.id, change.kind, change.change) == ("hdmi_loose", "fault", "changed")
    assert {field.path for field in change.fields} == {("name", "en"), ("prior",)}
    assert change.as_json()["fields"][0]["after"] == "Cable loose"


def test_what_one_removed_and_the_other_changed_is_a_conflict_of_the_node():
    theirs = apply(DEMO, [{"op": "remove", "node": "hdmi_loose"}])
    mine = apply(DEMO, [{"op": "set", "node": "hdmi_loose", "path": ["prior"], "value": 0.25}])
    _, (conflict,) = merge(DEMO.nodes, theirs.nodes, mine.nodes)
    assert (conflict.node, conflict.path, conflict.as_json()["theirs"]) == ("hdmi_loose", (), None)
    merged, _ = merge(DEMO.nodes, theirs.nodes, mine.nodes, {("hdmi_loose", ()): "theirs"})
    assert "hdmi_loose" not in merged


def test_every_kind_has_one_plain_form():
    reader = Reader()
    loose = apply(DEMO, [put("hdmi_loose", "fault", **{**DEMO.nodes["hdmi_loose"].data, "condition": False})])
    assert diff(reader.plain(DEMO), reader.plain(loose)) == []
    assert {kind_of(node) for node in GRAPH.nodes.values()} == {raw.kind for raw in reader.plain(DEMO).values()}
    assert Reader().check(Content()).graph == Graph()
