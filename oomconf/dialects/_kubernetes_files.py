"""Files around manifests that say resources too: values of a Helm chart, patches and kustomizations."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_kustomization", "is_values", "says_operations", "says_resources"]

_VALUES: Final = re.compile(r"(?:^|/)(?:values|[^/]*[-_.]values|values[-_.][^/]*|values/[^/]+)\.ya?ml$")
_KUSTOMIZATION: Final = re.compile(r"(?:^|/)(?:[Kk]ustomization\.ya?ml|Kustomization)$")
_RESOURCES: Final = re.compile(r"^[ \t]*resources:", re.MULTILINE)
_LIMITS: Final = re.compile(r"\b(?:limits?|requests?)[\"']?[ \t]*:")
_OPERATION: Final = re.compile(r"""(?:^|[{,])[ \t]*-?[ \t]*["']?op["']?[ \t]*:""", re.MULTILINE)
_RESOURCES_PATH: Final = re.compile(r"/resources\b")


def is_values(path: str) -> bool:
    """Whether a file holds the values of a Helm chart by its name."""
    return _VALUES.search(path) is not None


def is_kustomization(path: str) -> bool:
    """Whether kustomize reads it as the file of its folder."""
    return _KUSTOMIZATION.search(path) is not None


def says_resources(text: str) -> bool:
    """Whether values hold a block of resources."""
    return _RESOURCES.search(text) is not None and _LIMITS.search(text) is not None


def says_operations(text: str) -> bool:
    """Whether a text is a JSON patch of memory (RFC 6902)."""
    return "op" in text and "memory" in text and _RESOURCES_PATH.search(text) is not None and _OPERATION.search(text) is not None
