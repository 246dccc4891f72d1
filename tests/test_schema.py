"""The exported JSON Schema: what editors use accepts every example and refuses what the loader refuses by shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import test_bad_specs
from jsonschema import Draft202012Validator

from oomconf.dialects._yaml import Mapping, Node, Scalar, compose
from oomconf.dialects.compose.scalars import typed
from oomconf.spec.schema import schema_text

ROOT = Path(__file__).parent.parent
KEPT = Path(__file__).parent / "golden" / "schema.json"
EXAMPLES = sorted((ROOT / "examples").glob("*/oomconf.yaml"))

# what no schema can know: references, sums, places in several files, YAML itself
BEYOND = {
    "duplicate-top", "duplicate-deep", "host-unknown", "host-needed", "no-hosts", "override-elsewhere", "slice-unknown", "slice-system",
    "promise-no-slice", "both-scores", "no-swap-max", "percent-no-ram", "slice-too-small", "reserved", "swap-no-size", "swap-both",
    "swap-tiny", "swap-twice", "profile", "sysctl-name", "sysctl-newline", "pod-swap", "pod-low", "cgroup-on-systemd", "instances-no-template", "replicas",
    "expect", "ignore-unknown", "include-missing", "include-itself", "tagged", "size-tiny", "size-zero", "page-size", "runtime-heap",
    "unit-newline",
}  # fmt: skip


def data(node: Node | None) -> Any:
    """A tree as an editor's YAML 1.2 reader types it."""
    if isinstance(node, Scalar):
        if node.is_plain and node.text.replace(".", "", 1).isdigit() and not (node.text.startswith("0") and node.text[1:2].isdigit()):
            return float(node.text) if "." in node.text else int(node.text)
        return typed(node, {}) if "$" not in node.text else node.text
    if isinstance(node, Mapping):
        return {key: data(value) for key, value in node.items()}
    return None if node is None else [data(item) for item in node]


def errors(text: str) -> list[str]:
    documents, faults = compose(text)
    if faults:
        return [fault.message for fault in faults]
    if len(documents) != 1:
        return ["not one document"]
    validator = Draft202012Validator(json.loads(schema_text()))
    return [error.message for error in validator.iter_errors(data(documents[0].root))]


def test_the_schema_is_valid_and_as_it_was(update: bool) -> None:
    text = schema_text()
    Draft202012Validator.check_schema(json.loads(text))
    if update:
        KEPT.write_text(text)
    assert text == KEPT.read_text()


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.parent.name for path in EXAMPLES])
def test_it_accepts_every_example(path: Path) -> None:
    assert errors(path.read_text()) == []


@pytest.mark.parametrize("name", [row[0] for row in test_bad_specs.ROWS if row[0] not in BEYOND])
def test_it_refuses_a_bad_spec(name: str) -> None:
    text = next(row[1] for row in test_bad_specs.ROWS if row[0] == name)
    assert errors(text) != []


def test_every_key_of_the_spec_has_a_description_or_a_type() -> None:
    definitions = json.loads(schema_text())["$defs"]
    assert len(definitions) > 30
    for name, definition in definitions.items():
        assert definition.get("description") or name in (
            "Jvm",
            "Go",
            "Node",
            "Dotnet",
            "Python",
            "Systemd",
            "Docker",
            "Compose",
            "Quadlet",
            "Requests",
            "Limits",
            "Kubernetes",
            "Cgroup",
        ), name
