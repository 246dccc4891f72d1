"""Words that several parts of the spec share."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema

from oomconf.dialects._yaml import Scalar, Sequence
from oomconf.policy import Setting
from oomconf.spec.placed import AmountValue, PromiseValue, SwapValue, choice, integer, refuse, text

NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
UNIT: Final = r"[A-Za-z0-9_:.\\][A-Za-z0-9_:.\\-]{0,200}(@[A-Za-z0-9_:.\\-]{0,100})?"
LEVELS: Final = ("critical", "high", "normal", "low", "expendable")
KINDS: Final = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod", "ReplicationController")
DNS: Final = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
RELATIVE: Final = r"(?!(.*/)?\.\.(/|$))(?!/)(?!-)[^\x00-\x1f\x7f\\]+"
PATH: Final = r"/(?!(.*/)?\.\.?(/|$))(?!.*//)[A-Za-z0-9_.,:@%+=/-]*[A-Za-z0-9_.,:@%+=-]"

Text = Annotated[Setting[str], text(r"[\s\S]+", "a text", "'why it is so'", 1000)]
Word = Annotated[Setting[str], text(r"[\s\S]*", "an argument", "--flag=value", 4096)]
Unit = Annotated[Setting[str], text(UNIT + r"\.service", "a service unit's name", "nginx.service")]
Slice = Annotated[Setting[str], text(r"[A-Za-z0-9_:.\\]+(-[A-Za-z0-9_:.\\]+)*\.slice", "a slice unit's name", "database.slice")]
HostName = Annotated[Setting[str], text(NAME, "a host's name", "web-1")]
ServiceName = Annotated[Setting[str], text(NAME, "a service's name", "api")]
Level = Annotated[Setting[str], choice(*LEVELS, what="How dearly the service is held: -900, -500, 0, 300, 900.")]
OomPolicy = Annotated[
    Setting[str], choice("continue", "stop", "kill", what="What follows when one process of it is killed (systemd.service(5), OOMPolicy=).")
]
Restart = Annotated[
    Setting[str], choice("no", "on-failure", "on-abnormal", "always", what="When it is started again (systemd.service(5), Restart=).")
]
Preference = Annotated[Setting[str], choice("none", "avoid", "omit", what="How systemd-oomd is to treat it (ManagedOOMPreference=).")]


class Model(BaseModel):
    """Frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


def _words(node: object) -> tuple[Setting[str], ...]:
    reader = text(r"[\s\S]*", "an argument", "--flag=value", 4096)
    if isinstance(node, Sequence):
        return tuple(reader.read(item) for item in node)
    if isinstance(node, Scalar):
        raise refuse(f"expected a list of words, found '{node.text[:60]}'", "write each word as an item: [a, b]")
    raise refuse("expected a list of words, found a mapping")


Words = Annotated[
    tuple[Setting[str], ...], PlainValidator(_words), WithJsonSchema({"type": "array", "items": {"type": ["string", "number", "boolean"]}})
]


class Adjustment(Model):
    """An oom_score_adj; -1000 needs its reason."""

    value: Annotated[Setting[int], integer(-1000, 1000, "Kernel units: 1 is a thousandth of RAM and swap (proc(5)).")]
    reason: Text | None = None


def _lift(node: object) -> object:
    return {"value": node} if isinstance(node, Scalar) else node


class Also:
    """Tell editors of a shorter form that a validator lifts."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [self.schema, handler(core)]}


Adj = Annotated[Adjustment, BeforeValidator(_lift), Also({"type": "integer", "minimum": -999, "maximum": 1000})]


class Memory(Model):
    """cgroup v2's own five; swap_max is swap alone."""

    min: PromiseValue | None = None
    low: PromiseValue | None = None
    high: AmountValue | None = None
    max: AmountValue | None = None
    swap_max: SwapValue | None = None


class DefaultMemory(Model):
    """What services take that do not say."""

    high: AmountValue | None = None
    max: AmountValue | None = None
    swap_max: SwapValue | None = None
