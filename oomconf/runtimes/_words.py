"""How a JVM, Node.js and a shell cut one text into words, and how a word is quoted for the first two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["JAVA", "NODE", "SHELL", "Cutting", "quote_java", "quote_node", "split"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """Which characters part words, which quote, and inside or outside of which quotes a backslash takes the next character as it is."""

    blanks: str
    quotes: str
    escaping: str = ""
    """Quotes inside which a backslash escapes; a blank among them means outside of quotes."""
    keeps_empty: bool = True
    """Whether a pair of quotes with nothing in it is a word."""


JAVA: Final = Cutting(blanks=" \t\n\v\f\r", quotes="\"'")
"""src/hotspot/share/runtime/arguments.cpp: Arguments::parse_options_buffer(); there is no escape."""

NODE: Final = Cutting(blanks=" ", quotes='"', escaping='"', keeps_empty=False)
"""src/node_options.cc: ParseNodeOptionsEnvVar(); only a space parts words."""

SHELL: Final = Cutting(blanks=" \t\n", quotes="\"'", escaping=' "')


def split(text: str, cutting: Cutting) -> tuple[tuple[str, ...], str | None]:
    """Cut a text into words; beside them the fault for which its reader refuses the whole text, such as an unmatched quote."""
    words: list[str] = []
    word: str | None = None
    inside = ""
    rest = iter(text)
    for letter in rest:
        if letter == "\\" and (inside or " ") in cutting.escaping:
            following = next(rest, None)
            if following is None:
                return tuple(words), "ends with a backslash that escapes nothing"
            word = (word or "") + following
        elif inside:
            inside, word = ("", word) if letter == inside else (inside, (word or "") + letter)
        elif letter in cutting.quotes:
            inside = letter
            word = word if word is not None or not cutting.keeps_empty else ""
        elif letter in cutting.blanks:
            words += () if word is None else (word,)
            word = None
        else:
            word = (word or "") + letter
    if inside:
        return tuple(words), f"has an unmatched {inside}"
    return (*words, *(() if word is None else (word,))), None


def quote_java(word: str) -> str:
    """Spell a word for JAVA_TOOL_OPTIONS: bare, in the kind of quotes that it does not contain, or in both by turns."""
    if word and not any(letter in JAVA.blanks + JAVA.quotes for letter in word):
        return word
    if '"' not in word:
        return f'"{word}"'
    return f"'{word}'" if "'" not in word else '"' + word.replace('"', '"\'"\'"') + '"'


def quote_node(word: str) -> str:
    """Spell a word for NODE_OPTIONS: bare, or in double quotes where it has a space or one of them."""
    if " " not in word and '"' not in word:
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
