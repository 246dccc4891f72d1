"""Files that readers know and that a spec is not made of: variants of a compose file, and what only a build or a pipeline runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from oomconf.dialect import Document
from oomconf.dialects._script_kind import kind_of, may_speak
from oomconf.dialects.compose.files import overlaid

__all__ = ["pipelines", "variants"]

_NAME: Final = re.compile(r"(?:^|/)(?:docker-)?compose\.(?:[^/]*\.)?ya?ml$")
_OVERRIDES: Final = ("override.yaml", "override.yml")
_PIPELINES: Final[Mapping[str, str]] = {
    "makefile": "a Makefile's commands are nobody's settings before they are run: lint judges them",
    "workflow": "a pipeline's commands are run on its runners, on no host of a spec: lint judges them",
    "jobs": "a pipeline's commands are run on its runners, on no host of a spec: lint judges them",
}


def pipelines(documents: Iterable[Document]) -> Iterator[tuple[str, str]]:
    """Give the path of each script that says something of memory and runs on no host, and why it is passed over."""
    for document in documents:
        why = _PIPELINES.get(kind_of(document) or "")
        if why is not None and may_speak(document.text):
            yield document.path, why


def variants(paths: Collection[str], named: Collection[str]) -> Iterator[tuple[str, str]]:
    """Give each compose file that is taken only with -f beside one that is taken without, unless the call names it itself.

    compose.prod.yaml is a variant of compose.yaml; compose.override.yaml is none, since compose takes it by itself (compose-spec, merge).
    """
    for base, over in overlaid(path for path in paths if _NAME.search(path)).items():
        for path in over:
            if path not in named and path.rpartition("/")[2].partition(".")[2] not in _OVERRIDES:
                yield path, f"compose takes it only with -f: name it beside {base} to have what both say"
