"""Fault trees in the Open-PSA Model Exchange Format (XML): reading one model from one or several files, and writing it.

Read: fault trees with components (public and private names), gates with and, or, not, xor, iff, imply, nand, nor,
atleast, cardinality, nested formulas, house events, basic events with any expression of `kg.mef_expressions`,
parameters, common-cause groups (beta-factor, MGL, alpha-factor, phi-factor). Event trees and the like are left out and
named in `Model.ignored`. Hostile files (entities, external references, bombs) are refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as Plain

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from kg import formula as f
from kg.formula import Formula, Op
from kg.mef_expressions import EXPRESSION_TAGS, ExpressionError, evaluate
from kg.tree import FaultTree

HOURS_PER_YEAR: Final = 8760.0
MAX_BYTES: Final = 64 * 2**20
MAX_ELEMENTS: Final = 2_000_000
MAX_DEPTH: Final = 150
MAX_COMMON_CAUSE: Final = 8
"""Members of a common-cause group: its events double with every member."""

_CONNECTIVES: Final = {
    "and": Op.AND, "or": Op.OR, "not": Op.NOT, "xor": Op.XOR, "iff": Op.IFF, "imply": Op.IMPLY,
    "nand": Op.NAND, "nor": Op.NOR, "atleast": Op.ATLEAST, "cardinality": Op.CARDINALITY,
}  # fmt: skip
_REFERENCES: Final = frozenset({"event", "gate", "basic-event", "house-event"})
_NOTES: Final = frozenset({"label", "attributes"})
_DEFINITIONS: Final = {
    "define-gate": "gate",
    "define-basic-event": "basic event",
    "define-house-event": "house event",
}


class OpenPsaError(ValueError):
    """A model cannot be read; the message says in which file, at which line, and what to do."""


@dataclass(frozen=True)
class Model:
    """What the files define: one tree over all of them, and what was left out."""

    tree: FaultTree
    ignored: tuple[str, ...] = ()


class _Builder:
    """Target of the XML parser: plain elements, with the file and line of each, within the size limits."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.builder = Plain.TreeBuilder()
        self.lines: dict[Plain.Element, int] = {}
        self.expat: Any = None
        self.depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> Plain.Element:
        self.depth += 1
        line = self.expat.CurrentLineNumber
        if self.depth > MAX_DEPTH:
            raise OpenPsaError(
                f"{self.path}:{line}: elements nest deeper than {MAX_DEPTH} levels; define inner gates by name"
            )
        element = self.builder.start(tag, attributes)
        self.lines[element] = line
        if len(self.lines) > MAX_ELEMENTS:
            raise OpenPsaError(f"{self.path}:{line}: more than {MAX_ELEMENTS} elements; split the model")
        return element

    def end(self, tag: str) -> Plain.Element:
        self.depth -= 1
        return self.builder.end(tag)

    def data(self, text: str) -> None:
        self.builder.data(text)

    def close(self) -> Plain.Element:
        return self.builder.close()


@dataclass
class _Reader:
    """Collects definitions over all files, then resolves names and values."""

    mission_time: float
    lines: dict[Plain.Element, tuple[str, int]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    places: dict[str, Plain.Element] = field(default_factory=dict)
    gates: dict[str, tuple[Plain.Element, str]] = field(default_factory=dict)
    basics: dict[str, tuple[Plain.Element | None, str]] = field(default_factory=dict)
    houses: dict[str, bool] = field(default_factory=dict)
    parameters: dict[str, tuple[Plain.Element, str]] = field(default_factory=dict)
    groups: list[tuple[Plain.Element, str]] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    _values: dict[str, float] = field(default_factory=dict)
    _scope: str = ""

    def fail(self, element: Plain.Element, message: str) -> OpenPsaError:
        path, line = self.lines[element]
        return OpenPsaError(f"{path}:{line}: {message}")

    # -- definitions

    def define(self, element: Plain.Element, scope: str = "", private: bool = False) -> None:
        """Take in the definitions below an element; `scope` is the dotted path of tree and components."""
        for child in element:
            tag = child.tag
            if tag in ("model-data",):
                self.define(child, scope, private)
            elif tag in ("define-fault-tree", "define-component"):
                name = self.name(child)
                if tag == "define-fault-tree":
                    self.names.append(name)
                hidden = child.get("role", "private" if private else "public") == "private"
                self.define(child, f"{scope}.{name}" if scope else name, hidden)
            elif tag in _DEFINITIONS:
                self.define_event(child, scope, private)
            elif tag == "define-parameter":
                name = self.register(child, scope, private, "parameter")
                self.parameters[name] = (self.expression(child), scope)
            elif tag == "define-CCF-group":
                self.groups.append((child, scope))
            elif tag not in _NOTES:
                path, line = self.lines[child]
                self.ignored.append(f"{path}:{line}: <{tag}>")

    def define_event(self, element: Plain.Element, scope: str, private: bool) -> None:
        name = self.register(element, scope, private, _DEFINITIONS[element.tag])
        if (label := element.find("label")) is not None and label.text:
            self.labels[name] = " ".join(label.text.split())
        contents = [child for child in element if child.tag not in _NOTES]
        if element.tag == "define-gate":
            if len(contents) != 1:
                raise self.fail(element, f'gate "{name}" needs exactly one formula, it has {len(contents)}')
            self.gates[name] = (contents[0], scope)
        elif element.tag == "define-house-event":
            values = [child.get("value") for child in contents if child.tag == "constant"]
            self.houses[name] = values == ["true"]
        else:
            self.basics[name] = (contents[0] if contents else None, scope)

    def register(self, element: Plain.Element, scope: str, private: bool, kind: str) -> str:
        own = self.name(element)
        private = element.get("role", "private" if private else "public") == "private"
        name = f"{scope}.{own}" if private and scope else own
        space = f"parameter {name}" if kind == "parameter" else name
        if space in self.kinds:
            path, line = self.lines[self.places[space]]
            raise self.fail(element, f'{kind} "{name}" was defined before at {path}:{line}; rename one of them')
        self.kinds[space] = kind
        self.places[space] = element
        return name

    def name(self, element: Plain.Element) -> str:
        name = element.get("name", "").strip()
        if not name:
            raise self.fail(element, f"<{element.tag}> has no name")
        return name

    def expression(self, element: Plain.Element) -> Plain.Element:
        contents = [child for child in element if child.tag not in _NOTES]
        if len(contents) != 1:
            raise self.fail(element, f"<{element.tag}> needs exactly one expression, it has {len(contents)}")
        return contents[0]

    # -- resolution

    def resolve(self, element: Plain.Element, scope: str, prefix: str = "") -> str:
        """Full name that a reference means: looked for from the innermost component outwards."""
        own = self.name(element)
        while True:
            name = f"{scope}.{own}" if scope else own
            if prefix + name in self.kinds:
                return name
            if not scope:
                break
            scope = scope.rpartition(".")[0]
        # A full path may also name something public, which is registered without its path.
        last = own.rpartition(".")[2]
        return last if prefix + last in self.kinds else own

    def formula(self, element: Plain.Element, scope: str) -> Formula:
        tag = element.tag
        if tag in _REFERENCES:
            name = self.resolve(element, scope)
            kind = self.kinds.get(name)
            wanted = element.get("type", "") if tag == "event" else tag
            if kind is None:
                if wanted != "basic-event":
                    raise self.fail(
                        element, f'"{name}" is used here but defined nowhere; define it or name its file too'
                    )
                self.kinds[name] = "basic event"
                self.places[name] = element
                self.basics[name] = (None, scope)
            elif wanted and wanted.replace("-", " ") != kind:
                raise self.fail(element, f'"{name}" is a {kind}, not a {wanted.replace("-", " ")}')
            return f.event(name)
        if tag == "constant":
            return f.TRUE if element.get("value") == "true" else f.FALSE
        if tag not in _CONNECTIVES:
            raise self.fail(element, f"<{tag}> is not a connective this program knows")
        op = _CONNECTIVES[tag]
        args = tuple(self.formula(child, scope) for child in element if child.tag not in _NOTES)
        least, most = {Op.NOT: (1, 1), Op.IMPLY: (2, 2), Op.IFF: (2, 2)}.get(op, (1, 10**7))
        if not least <= len(args) <= most:
            raise self.fail(
                element, f"<{tag}> takes {least if least == most else 'at least one'} arguments, not {len(args)}"
            )
        low = self.number(element, "min") if op in (Op.ATLEAST, Op.CARDINALITY) else 0
        high = self.number(element, "max") if op is Op.CARDINALITY else 0
        return Formula(op, args, low=low, high=high)

    def number(self, element: Plain.Element, attribute: str) -> int:
        text = element.get(attribute, "")
        if not text.isdigit():
            raise self.fail(element, f'<{element.tag}> needs a whole number {attribute}="…", not "{text}"')
        return int(text)

    def parameter(self, name: str, depth: int) -> float:
        scope = self._scope
        while True:
            full = f"{scope}.{name}" if scope else name
            if full in self.parameters or not scope:
                break
            scope = scope.rpartition(".")[0]
        if full not in self.parameters:
            full = name.rpartition(".")[2]
        if full not in self.parameters:
            raise ExpressionError(f'parameter "{name}" is defined nowhere')
        if full not in self._values:
            expression, inner = self.parameters[full]
            outer, self._scope = self._scope, inner
            self._values[full] = evaluate(expression, self, depth)
            self._scope = outer
        return self._values[full]

    def value(self, element: Plain.Element, scope: str) -> float:
        self._scope = scope
        if element.tag not in EXPRESSION_TAGS:
            raise self.fail(element, f"<{element.tag}> is not an expression this program knows")
        try:
            return evaluate(element, self)
        except ExpressionError as error:
            raise self.fail(element, str(error)) from error

    def probability(self, element: Plain.Element, scope: str, name: str) -> float:
        value = self.value(element, scope)
        if not 0.0 <= value <= 1.0:
            raise self.fail(element, f'basic event "{name}" has probability {value:g}, outside [0, 1]')
        return value

    def model(self) -> Model:
        gates = {name: self.formula(element, scope) for name, (element, scope) in self.gates.items()}
        probabilities = {
            name: self.probability(expression, scope, name)
            for name, (expression, scope) in self.basics.items()
            if expression is not None
        }
        events = set(self.basics)
        for element, scope in self.groups:
            self.common_cause(element, scope, gates, probabilities, events)
        name = self.names[0] if len(self.names) == 1 else "model"
        tree = FaultTree(name, gates, probabilities, frozenset(events), dict(self.houses), dict(self.labels))
        return Model(tree, tuple(self.ignored))

    def common_cause(
        self,
        element: Plain.Element,
        scope: str,
        gates: dict[str, Formula],
        probabilities: dict[str, float],
        events: set[str],
    ) -> None:
        """Replace the members of a group by gates over the group's independent and common events."""
        group = self.name(element)
        holder = element.find("members")
        members = [self.resolve(child, scope) for child in (holder if holder is not None else ())]
        if not 2 <= len(members) <= MAX_COMMON_CAUSE or len(set(members)) != len(members):
            raise self.fail(element, f'common-cause group "{group}" needs 2 to {MAX_COMMON_CAUSE} different members')
        distribution = element.find("distribution")
        if distribution is None:
            raise self.fail(element, f'common-cause group "{group}" has no distribution')
        total = self.probability(self.expression(distribution), scope, group)
        holder = element.find("factors")
        found = list(holder) if holder is not None else [child for child in element if child.tag == "factor"]
        model = element.get("model", "")
        factors = [self.value(self.expression(child), scope) for child in found]
        chances = self.multiplicities(element, model, factors, len(members), total)
        combined: dict[str, list[str]] = {member: [] for member in members}
        for size, chance in chances.items():
            for chosen in combinations(members, size):
                name = f"[{' '.join(chosen)}]"
                probabilities[name] = chance
                events.add(name)
                for member in chosen:
                    combined[member].append(name)
        for member in members:
            if member in gates or (member not in events and member in self.houses):
                raise self.fail(element, f'member "{member}" of group "{group}" is not a basic event')
            gates[member] = Formula(Op.OR, tuple(f.event(name) for name in combined[member]))
            events.discard(member)
            probabilities.pop(member, None)

    def multiplicities(
        self, element: Plain.Element, model: str, factors: Sequence[float], size: int, total: float
    ) -> dict[int, float]:
        """Probability that one given set of k members, and no other, fails from a common cause, by k."""
        wanted = {"beta-factor": 1, "MGL": size - 1, "alpha-factor": size, "phi-factor": size}
        if model not in wanted:
            raise self.fail(element, f'common-cause model "{model}" is unknown; use one of {", ".join(wanted)}')
        if not 1 <= len(factors) <= wanted[model]:
            raise self.fail(
                element, f"model {model} with {size} members takes {wanted[model]} factors, not {len(factors)}"
            )
        if model == "beta-factor":
            return {1: (1 - factors[0]) * total, size: factors[0] * total}
        result = {}
        if model == "MGL":
            for k in range(1, len(factors) + 2):
                passed = math.prod(factors[: k - 1])
                stops = 1 - factors[k - 1] if k - 1 < len(factors) else 1.0
                result[k] = passed * stops * total / math.comb(size - 1, k - 1)
            return result
        scale = math.fsum(k * factor for k, factor in enumerate(factors, start=1))
        for k, factor in enumerate(factors, start=1):
            result[k] = (
                k / math.comb(size - 1, k - 1) * factor / scale * total if model == "alpha-factor" else factor * total
            )
        return result


def read_files(paths: Sequence[str | Path], *, mission_time: float = HOURS_PER_YEAR) -> Model:
    """One model from one or several files, in hours where time occurs.

    Raises:
        OpenPsaError: not well-formed, hostile, too large, or not a model; with file and line.
    """
    sources = {}
    for path in paths:
        if Path(path).stat().st_size > MAX_BYTES:
            raise OpenPsaError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; split the model into several files")
        sources[str(path)] = Path(path).read_bytes()
    return read(sources, mission_time=mission_time)


def read(sources: Mapping[str, bytes | str], *, mission_time: float = HOURS_PER_YEAR) -> Model:
    """One model from the contents of files by name. Errors as in `read_files`."""
    reader = _Reader(mission_time)
    for path, content in sources.items():
        if len(content) > MAX_BYTES:
            raise OpenPsaError(f"{path}: larger than {MAX_BYTES // 2**20} MiB; split the model into several files")
        root = _parse(path, content, reader)
        if root.tag != "opsa-mef":
            raise OpenPsaError(f"{path}:1: the root element is <{root.tag}>, not <opsa-mef>; this is no Open-PSA model")
        reader.define(root)
    if not reader.gates and not reader.basics:
        raise OpenPsaError(
            f"{', '.join(sources)}: no gate and no basic event is defined; name the file with the fault tree"
        )
    model = reader.model()
    try:
        model.tree.reachable([*model.tree.tops(), *model.tree.gates])
    except ValueError as error:
        raise OpenPsaError(f"{', '.join(sources)}: {error}") from error
    return model


def _parse(path: str, content: bytes | str, reader: _Reader) -> Plain.Element:
    builder = _Builder(path)
    parser = DefusedXMLParser(target=builder, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    builder.expat = parser.parser
    try:
        parser.feed(content)
        root: Plain.Element = parser.close()
    except DefusedXmlException as error:
        raise OpenPsaError(
            f"{path}: entities and external references are not allowed ({type(error).__name__}); "
            "remove them from the DOCTYPE"
        ) from error
    except Plain.ParseError as error:
        line = error.position[0] if error.position else 1
        raise OpenPsaError(f"{path}:{line}: not well-formed XML ({error}); correct the markup there") from error
    reader.lines.update({element: (path, line) for element, line in builder.lines.items()})
    return root


# --------------------------------------------------------------------------- writing


def write(tree: FaultTree) -> str:
    """The tree as an Open-PSA document. Reading it back gives an equal tree, with formulas of one name in `or`."""
    root = Plain.Element("opsa-mef")
    definition = Plain.SubElement(root, "define-fault-tree", name=tree.name)
    for name, formula in tree.gates.items():
        gate = Plain.SubElement(definition, "define-gate", name=name)
        _label(gate, tree, name)
        gate.append(_element(formula, tree))
    data = Plain.SubElement(root, "model-data")
    for name in sorted(tree.events | tree.probabilities.keys()):
        basic = Plain.SubElement(data, "define-basic-event", name=name)
        _label(basic, tree, name)
        if name in tree.probabilities:
            Plain.SubElement(basic, "float", value=repr(tree.probabilities[name]))
    for name, value in tree.house.items():
        house = Plain.SubElement(data, "define-house-event", name=name)
        _label(house, tree, name)
        Plain.SubElement(house, "constant", value="true" if value else "false")
    Plain.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Plain.tostring(root, encoding="unicode") + "\n"


def _label(element: Plain.Element, tree: FaultTree, name: str) -> None:
    if name in tree.labels:
        Plain.SubElement(element, "label").text = tree.labels[name]


def _element(formula: Formula, tree: FaultTree) -> Plain.Element:
    if formula.op is Op.EVENT:
        kind = "gate" if formula.name in tree.gates else "house-event" if formula.name in tree.house else "basic-event"
        return Plain.Element(kind, name=formula.name)
    if formula.op in (Op.TRUE, Op.FALSE):
        return Plain.Element("constant", value=formula.op.value)
    element = Plain.Element(formula.op.value)
    if formula.op in (Op.ATLEAST, Op.CARDINALITY):
        element.set("min", str(formula.low))
    if formula.op is Op.CARDINALITY:
        element.set("max", str(formula.high))
    element.extend(_element(arg, tree) for arg in formula.args)
    return element
