"""The JSON Schema of the spec, for yaml-language-server and CI."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from oomconf.spec.models import Spec
from oomconf.spec.services import PLACEMENTS
from oomconf.spec.words import NAME

_NAMES = {
    "hosts": NAME,
    "services": NAME,
    "slices": r"[A-Za-z0-9_:.\\]+(-[A-Za-z0-9_:.\\]+)*\.slice",
    "namespaces": "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
}


def schema_text() -> str:
    """Write the schema, draft 2020-12, the same bytes every time."""
    schema = Spec.model_json_schema(by_alias=True, schema_generator=_Generator, mode="validation")
    definitions = schema["$defs"]
    swap = definitions["SwapPlan"]["properties"]
    definitions["SwapPlan"] = {
        "description": "A size is a fact; a list is what oomconf makes.",
        "anyOf": [*swap["fact"]["anyOf"], {"type": "array", "items": swap["areas"]["items"]}],
    }
    definitions["Service"]["oneOf"] = [{"required": [word]} for word in PLACEMENTS]
    for section, pattern in _NAMES.items():
        schema["properties"][section]["propertyNames"] = {"pattern": f"^{pattern}$"}
    # a named thing may say nothing yet
    for section in ("hosts", "slices", "namespaces"):
        inner = schema["properties"][section]["additionalProperties"]
        schema["properties"][section]["additionalProperties"] = {"anyOf": [inner, {"type": "null"}]}
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_bare(schema), "title": "oomconf spec, version 1"}
    return json.dumps(whole, indent=1, sort_keys=True) + "\n"


class _Generator(GenerateJsonSchema):
    def default_schema(self, schema: Any) -> Any:  # noqa: ANN401
        """Leave defaults out: what is unsaid is unsaid."""
        return self.generate_inner(schema["schema"])


def _bare(node: Any) -> Any:  # noqa: ANN401
    """Drop the titles that only repeat a key."""
    if isinstance(node, dict):
        return {key: _bare(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    return [_bare(item) for item in node] if isinstance(node, list) else node
