"""Scripts → policies: one machine a script, since nothing says where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from oomconf.dialect import Document, Entry, Nested, Reading, Sources
from oomconf.dialects._commands import steps
from oomconf.dialects._script_kind import is_script_path, is_timed, kind_of, may_speak
from oomconf.dialects._single import VALUES, single
from oomconf.dialects.script.ansible import playbook
from oomconf.dialects.script.cloud import cloud_config
from oomconf.dialects.script.crontab import crontab
from oomconf.dialects.script.dockerfile import runs
from oomconf.dialects.script.heaps import built
from oomconf.dialects.script.pipelines import jobs, makefile, workflow
from oomconf.dialects.script.says import Said
from oomconf.dialects.script.variables import variables
from oomconf.policy import Policy

_PIPELINES: Final = {"makefile": makefile, "workflow": workflow, "jobs": jobs}


def claims(path: str) -> bool:
    """Names of scripts, Dockerfiles and crontabs; cloud-init and Ansible are known by their content."""
    return is_script_path(path)


def read(documents: Sequence[Document], sources: Sources) -> Reading:
    """Read every script for itself. Never raises."""
    policies: list[Policy] = []
    entries: list[Entry] = []
    nested: list[Nested] = []
    for document in documents:
        kind = kind_of(document)
        if kind is None or not may_speak(document.text):
            continue
        known = variables(document.text, document.path) if kind == "shell" and "$" in document.text else {}
        said = Said(document, builds=kind == "dockerfile", timed=is_timed(document.path), known=known)
        if kind == "cloud-init":
            cloud_config(document, said)
        elif kind == "ansible":
            playbook(document, said, sources)
        elif kind == "crontab":
            crontab(document, said)
        elif kind in _PIPELINES:
            _PIPELINES[kind](document, said)
        else:
            for step in runs(document) if kind == "dockerfile" else steps(document.text, document.path):
                said.take(step)
            said.entries += built(document) if kind == "dockerfile" else ()
        policy = said.end()
        if kind in _PIPELINES:
            faults = single(Reading((policy,), tuple(said.entries)), VALUES)
            policies += faults.policies
            entries += (*faults.entries, *(entry for entry in said.entries if entry.kind == "file"))
            nested += (replace(one, kept=VALUES) for one in said.nested)
            continue
        if policy.workloads or policy.sysctls or policy.swaps or policy.tmpfs or any(one.kept is None for one in said.nested):
            policies.append(policy)
        entries += said.entries
        nested += said.nested
    return Reading(tuple(policies), tuple(entries), tuple(nested))
