"""Manifests as trees; documents of kinds that never speak of memory are only looked through for faults, which is far faster."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from oomconf.dialects._yaml import Document, YamlFault, compose

__all__ = ["manifests"]

_MARKER: Final = re.compile(r"^---(?=\s)", re.MULTILINE)  # no scalar can hold one: YAML 1.1 §9.1.2
_KIND: Final = re.compile(r"^kind:[ \t]*([A-Za-z]+)[ \t\r]*(?:#.*)?$", re.MULTILINE)
_SMALL: Final = 512
_SILENT: Final = frozenset({
    "CustomResourceDefinition", "ConfigMap", "Secret", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "RoleBinding", "Role",
    "Namespace", "Ingress", "PersistentVolumeClaim", "PersistentVolume", "StorageClass", "NetworkPolicy", "PodDisruptionBudget",
    "ServiceMonitor", "PodMonitor", "PrometheusRule", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
})  # fmt: skip


def manifests(text: str, path: str) -> tuple[list[Document], list[YamlFault]]:
    """Read the documents of a file that may speak of memory, each at its place; of the others only the first fault. Never raises."""
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
