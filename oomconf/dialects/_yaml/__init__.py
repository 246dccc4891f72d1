"""YAML as placed, untyped scalars: the one reader for the spec and for raw files."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import yaml

from oomconf.dialects._yaml.composer import Composer, Document, Limits
from oomconf.dialects._yaml.faults import Lines, Stop, YamlFault, forbidden_character, refused
from oomconf.dialects._yaml.integers import go_integer
from oomconf.dialects._yaml.nodes import Mapping, Node, Scalar, Sequence, at_pointer, location, merged

__all__ = [
    "Document",
    "Limits",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "YamlFault",
    "at_pointer",
    "compose",
    "decode",
    "go_integer",
    "location",
    "merged",
]

_DEFAULT: Final = Limits()
_RARE_BREAKS: Final = ("\x85", "\u2028", "\u2029")
_TAG_DIRECTIVE: Final = re.compile(r"^%TAG", re.MULTILINE)
_MOST_TAG_DIRECTIVES: Final = 256
# libyaml refuses a ':' that ends a plain value inside of brackets, as in [001:db8::]; Go's YAML, which reads most of our files, takes it
_ENDING_COLON: Final = re.compile(r"(?<=[^\s\"'\[\]{},]):(?=[,?\[\]{}])")
_STAND_IN: Final = "\ue000"


def compose(text: str, *, path: str = "", limits: Limits = _DEFAULT) -> tuple[list[Document], list[YamlFault]]:
    """Read a stream of documents; what is wrong becomes one fault that ends it, and the documents before it stay.

    Scalars stay text, duplicate keys and `<<` stay what they are, an alias is the node it names. Never raises, never recurses.
    """
    text = text.lstrip("\ufeff")
    fault = _too_large(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")), limits)
    if fault is not None:
        return [], [fault]
    lines = Lines(text)
    if "%TAG" in text and len(_TAG_DIRECTIVE.findall(text)) > _MOST_TAG_DIRECTIVES:  # libyaml compares each with all before it
        return [], [lines.fault(0, f"more than {_MOST_TAG_DIRECTIVES} %TAG directives", "remove those that no tag uses")]
    documents, faults, error = _composed(Composer(text, path, lines, limits), partial(_events, text, lines))
    if isinstance(error, yaml.MarkedYAMLError) and "unexpected ':'" in str(error.problem) and _STAND_IN not in text:
        mended = _ENDING_COLON.sub(_STAND_IN, text)
        documents, faults, error = _composed(Composer(text, path, lines, limits), partial(_restored, mended, lines))
    return documents, faults if error is None else [refused(error, text, lines, limits.max_depth)]


def _composed(composer: Composer, parse: Callable[[], Callable[[], Any]]) -> tuple[list[Document], list[YamlFault], Exception | None]:
    """Give the documents before a fault, the fault, and what the parser raised."""
    documents: list[Document] = []
    try:
        for document in composer.documents(parse()):
            documents.append(document)  # noqa: PERF402 -- those before a fault stay
    except Stop as stop:
        return documents, [stop.fault], None
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        return documents, [], error
    return documents, [], None


def _restored(text: str, lines: Lines) -> Callable[[], Any]:
    """Give the next-event function of a text with stand-ins, which its values do not show."""
    get = _events(text, lines)

    def next_event() -> Any:  # noqa: ANN401
        event = get()
        if isinstance(event, yaml.ScalarEvent):
            event.value = event.value.replace(_STAND_IN, ":")
        return event

    return next_event


def decode(data: bytes, *, limits: Limits = _DEFAULT) -> tuple[str | None, YamlFault | None]:
    """Decode UTF-8, or UTF-16 behind its byte order mark (YAML 1.1 §5.2); a bad byte or a NUL is a fault at its place."""
    fault = _too_large(len(data), limits)
    if fault is not None:
        return None, fault
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if wide else "utf-8"
    try:
        text = data.decode(encoding).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "ignore").lstrip("\ufeff")
        what = f"the byte 0x{data[error.start]:02x} is not {'UTF-16' if wide else 'UTF-8'}"
        return None, Lines(before).fault(len(before), what, "save the file as UTF-8")
    nul = text.find("\0")
    if nul >= 0:
        return None, forbidden_character(text[nul:], Lines(text), nul)
    return text, None


def _too_large(size: int, limits: Limits) -> YamlFault | None:
    if size <= limits.max_bytes:
        return None
    return YamlFault(f"{size} bytes are more than the {limits.max_bytes} that are read", 1, 1, 1, 1, "split the file into smaller ones")


def _events(text: str, lines: Lines) -> Callable[[], Any]:
    """Give the parser's next-event function: libyaml's, or PyYAML's own where it was built without."""
    parser: Any = yaml.CBaseLoader(text) if yaml.__with_libyaml__ else yaml.BaseLoader(text)
    get: Callable[[], Any] = parser.get_event
    if not any(char in text for char in _RARE_BREAKS):
        return get

    def next_event() -> Any:  # noqa: ANN401
        # YAML 1.1 ends lines at NEL, LS and PS too; editors and our readers do not
        event = get()
        if event is not None:
            event.start_mark = lines.spot(event.start_mark.index)
            event.end_mark = lines.spot(event.end_mark.index)
        return event

    return next_event
