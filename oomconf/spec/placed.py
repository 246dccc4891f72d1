"""Scalars that keep their place: how pydantic fields become settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from oomconf.dialects._yaml import Mapping, Scalar
from oomconf.location import Location
from oomconf.policy import Amount, Origin, Setting
from oomconf.quantity import INFINITY, Percent, Size, SizeError
from oomconf.quantity import spec as grammar

JsonSchema = dict[str, Any]


def refuse(message: str, hint: str = "") -> PydanticCustomError:
    """Make the error that the loader turns into a finding; braces in the text are data."""
    return PydanticCustomError("oomconf", "{message}", {"message": message, "hint": hint})


def place(scalar: Scalar) -> Location:
    return scalar.at


_REMEMBERED: Final = 1024


class Placed:
    """Make a field take a placed scalar, parse its text and keep its place.

    `parse` gets the text and raises SizeError with message and hint; `schema` is what an editor is told.
    """

    __slots__ = ("expects", "known", "parse", "schema")

    def __init__(self, parse: Callable[[str], Any], schema: JsonSchema, expects: str) -> None:
        self.parse = parse
        self.known: dict[str, Any] = {}
        self.schema = schema
        self.expects = expects

    def read(self, node: object) -> Setting[Any]:
        if type(node) is not Scalar:
            found = "a mapping" if isinstance(node, Mapping) else "a list"
            raise refuse(f"expected {self.expects}, found {found}")
        if node.tag is not None:
            raise refuse(f"the tag {node.tag} means nothing here", "remove the tag")
        text = node.text
        value = self.known.get(text)
        if value is None:
            value = self._parsed(text)
        return Setting(value, node.at, Origin.WRITTEN, text, node.beat)

    def _parsed(self, text: str) -> Any:  # noqa: ANN401
        try:
            value = self.parse(text)
        except SizeError as error:
            raise refuse(error.message, error.hint) from None
        # fleets say the same few values thousands of times
        if len(self.known) < _REMEMBERED:
            self.known[text] = value
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return dict(self.schema)


# ── grammars ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

_SIZE: Final = r"(0|[1-9][0-9]*)(\.[0-9]+)?([KMGTP]i?)?"
_PERCENT: Final = r"(100|[1-9]?[0-9])(\.[0-9]{1,2})?%"


def _sizes(pattern: str, what: str) -> JsonSchema:
    return {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": INFINITY - 1}, {"type": "string", "pattern": f"^({pattern})$"}],
        "description": what,
    }


def _limit(text: str) -> Amount:
    value = grammar.parse(text)
    if isinstance(value, Size) and value < 4096:  # noqa: PLR2004
        raise SizeError(
            f"'{text}' is less than one page: nothing could run under it",
            "say at least a few mebibytes, such as 64M, or infinity for no limit",
        )
    return value


def _promise(text: str) -> Amount:
    value = grammar.parse(text)
    if value == INFINITY:
        raise SizeError("a promise of infinity cannot be kept", "say how much memory must stay with the service, such as 2G")
    return value


def _finite(text: str) -> Size:
    value = grammar.parse_size(text)
    if value == INFINITY:
        raise SizeError("'infinity' is not the size of anything", "say a size, such as 16G")
    return value


def _heap(text: str) -> Amount:
    value = grammar.parse(text)
    if value == INFINITY or value in (Size(0), Percent(0)):
        raise SizeError(f"'{text}' is no size for a heap", "say a share of the service's memory.max, such as 70%, or a size")
    return value


def _percent(text: str) -> Percent:
    value = grammar.parse(text)
    if not isinstance(value, Percent):
        raise SizeError(f"'{text}' is not a percentage", "say for example 80%")
    return value


def _share(text: str) -> Percent:
    value = _percent(text)
    if not 100 <= value.permyriad < 10_000:  # noqa: PLR2004
        raise SizeError(f"a machine is always or never above {value}", "say at least 1% and less than 100%, such as 80%")
    return value


def _threshold(text: str) -> Amount:
    return grammar.parse(text) if text.endswith("%") else grammar.parse_kubernetes(text)


AmountValue = Annotated[
    Setting[Amount],
    Placed(_limit, _sizes(f"{_SIZE}|{_PERCENT}|infinity", "A size such as 4G, a share of MemTotal such as 50%, or infinity."), "a size"),
]
PromiseValue = Annotated[
    Setting[Amount], Placed(_promise, _sizes(f"{_SIZE}|{_PERCENT}", "A size such as 2G, or a share of MemTotal such as 25%."), "a size")
]
SwapValue = Annotated[
    Setting[Size],
    Placed(grammar.parse_size, _sizes(f"{_SIZE}|infinity", "Swap alone, as memory.swap.max: a size, 0 for none, or infinity."), "a size"),
]
SizeValue = Annotated[Setting[Size], Placed(_finite, _sizes(_SIZE, "A size such as 16G."), "a size")]
HeapValue = Annotated[
    Setting[Amount],
    Placed(_heap, _sizes(f"{_SIZE}|{_PERCENT}", "A share of the service's memory.max such as 70%, or a size."), "a size or a share"),
]
PercentValue = Annotated[
    Setting[Percent],
    Placed(_percent, {"type": "string", "pattern": f"^{_PERCENT}$", "description": "A percentage such as 80%."}, "a percentage"),
]
ShareValue = Annotated[
    Setting[Percent],
    Placed(
        _share,
        {"type": "string", "pattern": r"^[1-9][0-9]?(\.[0-9]{1,2})?%$", "description": "A percentage from 1% to less than 100%."},
        "a percentage",
    ),
]
_KUBERNETES: Final = r"(0|[1-9][0-9]*)(\.[0-9]+)?([KMGT]i)?"
KubernetesSize = Annotated[
    Setting[Size],
    Placed(grammar.parse_kubernetes, _sizes(_KUBERNETES, "A Kubernetes quantity in Ki, Mi, Gi, Ti or plain bytes."), "a quantity"),
]
KubernetesThreshold = Annotated[
    Setting[Amount], Placed(_threshold, _sizes(f"{_KUBERNETES}|{_PERCENT}", "A quantity in Ki, Mi, Gi, or a percentage."), "a quantity")
]


def integer(low: int, high: int, what: str = "A whole number.") -> Placed:
    """Take a decimal number from `low` to `high`, both included."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text):
            raise SizeError(f"'{text}' is not a whole number", f"say a number from {low} to {high}")
        value = int(text)
        if not low <= value <= high:
            raise SizeError(f"{value} is not between {low} and {high}", f"say a number from {low} to {high}")
        return value

    return Placed(parse, {"type": "integer", "minimum": low, "maximum": high, "description": what}, "a whole number")


def choice(*words: str, what: str = "") -> Placed:
    """Take one of a few words, exactly."""

    def parse(text: str) -> str:
        if text not in words:
            near = get_close_matches(text.lower(), words, n=1, cutoff=0.5)
            raise SizeError(
                f"'{text}' is none of {', '.join(words)}", f"did you mean '{near[0]}'?" if near else f"say one of {', '.join(words)}"
            )
        return text

    return Placed(parse, {"enum": list(words), "description": what or "One of " + ", ".join(words) + "."}, "one of " + ", ".join(words))


def text(pattern: str, what: str, example: str, longest: int = 255) -> Placed:
    """Take text that a pattern admits whole; control characters never pass."""
    compiled = re.compile(pattern)

    def parse(value: str) -> str:
        if len(value) > longest:
            raise SizeError(f"{len(value)} characters are too many for {what}, which takes {longest}", f"say for example {example}")
        if not value.isprintable():
            raise SizeError(f"{value!r} has characters that {what} cannot have", f"say for example {example}")
        if compiled.fullmatch(value) is None:
            raise SizeError(f"'{value}' is not {what}", f"say for example {example}")
        return value

    schema = {
        "type": "string",
        "pattern": f"^(?:{pattern})$",
        "maxLength": longest,
        "description": f"{what[0].upper()}{what[1:]}, such as {example}.",
    }
    return Placed(parse, schema, what)


def _boolean(text: str) -> bool:
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    raise SizeError(f"'{text}' is neither true nor false", "say true or false; yes, no, on and off are words in YAML 1.2")


BoolValue = Annotated[Setting[bool], Placed(_boolean, {"type": "boolean"}, "true or false")]


def dotted_version(what: str, example: str) -> Placed:
    """Take a dotted version number, quoted or not."""
    inner = text(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}([-+~.][A-Za-z0-9.+~_-]{1,64})?", what, example)
    return Placed(inner.parse, {"type": ["string", "number"], "description": inner.schema["description"]}, what)
