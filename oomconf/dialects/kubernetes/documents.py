"""Manifests as trees; documents of kinds that never speak of memory are only looked through for faults, which is far faster."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final

import yaml

from oomconf.dialects._nested import relocate
from oomconf.dialects._yaml import Document, YamlFault, compose
from oomconf.location import Location

__all__ = ["manifests"]

_MARKER: Final = re.compile(r"^---(?=\s)", re.MULTILINE)  # no scalar can hold one: YAML 1.1 §9.1.2
_KIND: Final = re.compile(r"^kind:[ \t]*([A-Za-z]+)[ \t\r]*(?:#.*)?$", re.MULTILINE)
_SMALL: Final = 512
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_SILENT: Final = frozenset({
    "CustomResourceDefinition", "ConfigMap", "Secret", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "RoleBinding", "Role",
    "Namespace", "Ingress", "PersistentVolumeClaim", "PersistentVolume", "StorageClass", "NetworkPolicy", "PodDisruptionBudget",
    "ServiceMonitor", "PodMonitor", "PrometheusRule", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
})  # fmt: skip


def manifests(text: str, path: str) -> tuple[list[Document], list[YamlFault]]:
    """Read the documents of a file that may speak of memory, each at its place; of the others only the first fault. Never raises."""
    documents, faults = _documents(text, path)
    if faults and text.lstrip()[:1] == "{":
        stream = _stream(text, path)
        if stream:
            return stream, []
    return documents, faults


def _stream(text: str, path: str) -> list[Document]:
    """Read JSON objects one behind the other, as kubectl does (apimachinery: NewYAMLOrJSONDecoder()); none where anything else stands."""
    decoder = json.JSONDecoder()
    found: list[Document] = []
    end, line, column = 0, 1, 0
    while True:
        between = _BLANKS.match(text, end)
        begin = end if between is None else between.end()
        line, column = _behind(text, end, begin, line, column)
        if begin == len(text):
            return found
        try:
            _, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            return []
        documents, faults = compose(" " * column + text[begin:end], path=path)
        if faults:
            return []
        at = Location(path, line, 1, line, 1)
        found += [replace(one, root=relocate(one.root, at), line=line) for one in documents if one.root is not None]
        line, column = _behind(text, begin, end, line, column)


def _behind(text: str, begin: int, end: int, line: int, column: int) -> tuple[int, int]:
    """Give the line, and the characters before it in that line, of a place behind one where they are known."""
    breaks = text.count("\n", begin, end)
    return line + breaks, end - text.rindex("\n", begin, end) - 1 if breaks else column + end - begin


def _documents(text: str, path: str) -> tuple[list[Document], list[YamlFault]]:
    if not yaml.__with_libyaml__ or "\n%" in text:
        return compose(text, path=path)
    if len(text) < _SMALL:
        return compose(text, path=path)
    parts: list[str] = []
    begin, silent = 0, False
    for end in (*(found.start() for found in _MARKER.finditer(text)), len(text)):
        part = text[begin:end]
        begin = end
        if _is_silent(part):
            if not _parses(part):
                return compose(text, path=path)
            silent = True
            part = "\n" * part.count("\n")
        parts.append(part)
    return compose("".join(parts) if silent else text, path=path)


def _is_silent(part: str) -> bool:
    found = _KIND.search(part)
    return found is not None and found[1] in _SILENT and _KIND.search(part, found.end()) is None and "\r" not in part


def _parses(part: str) -> bool:
    parser: Any = yaml.CBaseLoader(part)
    try:
        parser.raw_parse()
    except (yaml.YAMLError, UnicodeEncodeError):
        return False
    return True
