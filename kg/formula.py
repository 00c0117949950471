"""Boolean formulas over named events: the language of gates, of symptoms' causes and of what a check depends on.

A formula is written as text: ``sim_missing or (abroad and not roaming_on)``, ``2 of (a, b, c)``, ``a xor b``, ``true``.
`not` binds tightest, then `and`, then `xor`, then `or`. The same value type carries imported fault trees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_DEPTH: Final = 60
"""Nesting of parentheses that a written formula may have; deeper ones are mistakes or attacks."""


class FormulaError(ValueError):
    """A written formula cannot be read; the message says at which character and what was expected."""


class Op(StrEnum):
    """Connectives. `ATLEAST` holds when `low` or more arguments hold, `CARDINALITY` when `low` to `high` do."""

    AND = "and"
    OR = "or"
    NOT = "not"
    XOR = "xor"
    ATLEAST = "atleast"
    CARDINALITY = "cardinality"
    NAND = "nand"
    NOR = "nor"
    IMPLY = "imply"
    IFF = "iff"
    TRUE = "true"
    FALSE = "false"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula. `name` is set for `Op.EVENT`, `low` for `ATLEAST` and `CARDINALITY`, `high` for `CARDINALITY`."""

    op: Op
    args: tuple[Formula, ...] = ()
    name: str = ""
    low: int = 0
    high: int = 0

    def __str__(self) -> str:
        return _written(self, 0)

    def events(self) -> Iterator[str]:
        """Names of the events in it, in order of appearance, repeated ones repeated."""
        stack = [self]
        while stack:
            formula = stack.pop()
            if formula.op is Op.EVENT:
                yield formula.name
            stack.extend(reversed(formula.args))

    def evaluate(self, value: Callable[[str], bool]) -> bool:
        """Truth of the formula where `value` tells the truth of each event."""
        if self.op is Op.EVENT:
            return value(self.name)
        return truth(self, [arg.evaluate(value) for arg in self.args])

    def rename(self, names: Mapping[str, str]) -> Formula:
        """The formula with events renamed; those that `names` lacks stay."""
        if self.op is Op.EVENT:
            return event(names.get(self.name, self.name))
        return Formula(self.op, tuple(arg.rename(names) for arg in self.args), self.name, self.low, self.high)


def truth(formula: Formula, values: list[bool]) -> bool:
    """Truth of a formula's own connective over the truths of its arguments."""
    count = sum(values)
    match formula.op:
        case Op.AND:
            return count == len(values)
        case Op.OR:
            return count > 0
        case Op.NOT | Op.NOR:
            return count == 0
        case Op.XOR:
            return count % 2 == 1
        case Op.ATLEAST:
            return count >= formula.low
        case Op.CARDINALITY:
            return formula.low <= count <= formula.high
        case Op.NAND:
            return count < len(values)
        case Op.IMPLY:
            return not values[0] or values[1]
        case Op.IFF:
            return values[0] == values[1]
        case Op.TRUE:
            return True
        case _:
            return False


TRUE: Final = Formula(Op.TRUE)
FALSE: Final = Formula(Op.FALSE)


def event(name: str) -> Formula:
    """The formula that is one event (a basic event or a gate)."""
    return Formula(Op.EVENT, name=name)


def all_of(*args: Formula) -> Formula:
    """Conjunction."""
    return Formula(Op.AND, args)


def any_of(*args: Formula) -> Formula:
    """Disjunction."""
    return Formula(Op.OR, args)


def negation(arg: Formula) -> Formula:
    """Negation."""
    return Formula(Op.NOT, (arg,))


def at_least(low: int, *args: Formula) -> Formula:
    """`low` or more of the arguments."""
    return Formula(Op.ATLEAST, args, low=low)


COHERENT: Final = frozenset({Op.AND, Op.OR, Op.ATLEAST, Op.EVENT, Op.TRUE, Op.FALSE})
"""Connectives that can only become truer when events become true; trees of these alone are coherent."""

# --------------------------------------------------------------------------- text

_TOKEN = re.compile(r"\s*(?:(?P<number>\d+)(?=\s+of\b)|(?P<word>[\w.\-]+)|(?P<mark>[(),]))")
_BINDING: Final = {Op.OR: 1, Op.XOR: 2, Op.AND: 3, Op.NOT: 4}
_FUNCTIONS: Final = {"nand": Op.NAND, "nor": Op.NOR, "imply": Op.IMPLY, "iff": Op.IFF}
RESERVED: Final = frozenset({"and", "or", "not", "xor", "of", "true", "false", "to", *_FUNCTIONS})
"""Words that cannot name an event."""


def _written(formula: Formula, outer: int) -> str:
    op = formula.op
    if op is Op.EVENT:
        return formula.name
    if op in (Op.TRUE, Op.FALSE):
        return op.value
    if op is Op.ATLEAST:
        return f"{formula.low} of ({', '.join(str(arg) for arg in formula.args)})"
    if op is Op.CARDINALITY:
        return f"{formula.low} to {formula.high} of ({', '.join(str(arg) for arg in formula.args)})"
    if op.value in _FUNCTIONS:
        return f"{op.value}({', '.join(str(arg) for arg in formula.args)})"
    own = _BINDING[op]
    if op is Op.NOT:
        text = f"not {_written(formula.args[0], own)}"
    elif not formula.args:
        return "true" if op is Op.AND else "false"
    else:
        # A nested formula of the same connective keeps its parentheses, so that reading gives back the same value.
        text = f" {op.value} ".join(_written(arg, own + 1) for arg in formula.args)
        if len(formula.args) == 1:
            return f"1 of ({text})" if op is not Op.XOR else text
    return f"({text})" if own < outer else text


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, int]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise FormulaError(f'character {position + 1} of "{text}" is not part of a formula')
            word = match.group("number") or match.group("word") or match.group("mark")
            self.tokens.append((word, match.end() - len(word)))
            position = match.end()
        self.index = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.index][0] if self.index < len(self.tokens) else ""

    def fail(self, wanted: str) -> FormulaError:
        if self.index < len(self.tokens):
            word, position = self.tokens[self.index]
            return FormulaError(f'expected {wanted} instead of "{word}" at character {position + 1} of "{self.text}"')
        return FormulaError(f'expected {wanted} at the end of "{self.text}"')

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise self.fail(f'"{wanted}"')
        self.index += 1

    def chain(self, op: Op, operand: Callable[[], Formula]) -> Formula:
        args = [operand()]
        while self.peek() == op.value:
            self.index += 1
            args.append(operand())
        return args[0] if len(args) == 1 else Formula(op, tuple(args))

    def disjunction(self) -> Formula:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormulaError(f"a formula nests deeper than {MAX_DEPTH} levels; name a part of it as a gate")
        result = self.chain(Op.OR, lambda: self.chain(Op.XOR, lambda: self.chain(Op.AND, self.factor)))
        self.depth -= 1
        return result

    def arguments(self) -> tuple[Formula, ...]:
        self.take("(")
        args = [self.disjunction()]
        while self.peek() == ",":
            self.index += 1
            args.append(self.disjunction())
        self.take(")")
        return tuple(args)

    def vote(self) -> Formula:
        low = high = int(self.peek())
        self.index += 1
        if self.peek() == "to":
            self.index += 1
            if not self.peek().isdigit():
                raise self.fail("a number")
            high = int(self.peek())
            self.index += 1
            self.take("of")
            return Formula(Op.CARDINALITY, self.arguments(), low=low, high=high)
        self.take("of")
        return Formula(Op.ATLEAST, self.arguments(), low=low)

    def factor(self) -> Formula:
        word = self.peek()
        following = self.tokens[self.index + 1][0] if self.index + 1 < len(self.tokens) else ""
        if word == "not":
            self.index += 1
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise FormulaError(f"a formula nests deeper than {MAX_DEPTH} levels; name a part of it as a gate")
            result = negation(self.factor())
            self.depth -= 1
            return result
        if word == "(":
            self.index += 1
            result = self.disjunction()
            self.take(")")
            return result
        if word.isdigit() and following in ("of", "to"):
            return self.vote()
        if word in _FUNCTIONS and following == "(":
            self.index += 1
            op = _FUNCTIONS[word]
            args = self.arguments()
            if op in (Op.IMPLY, Op.IFF) and len(args) != 2:
                raise FormulaError(f'"{word}" takes two arguments, not {len(args)}, in "{self.text}"')
            return Formula(op, args)
        if word in ("true", "false"):
            self.index += 1
            return TRUE if word == "true" else FALSE
        if not word or word in RESERVED or word in "(),":
            raise self.fail("an event, a gate or a number")
        self.index += 1
        return event(word)


def parse(text: str) -> Formula:
    """Read a written formula.

    Raises:
        FormulaError: with the character and what was expected there.
    """
    parser = _Parser(text)
    result = parser.disjunction()
    if parser.index < len(parser.tokens):
        raise parser.fail('"and", "or" or the end')
    return result
