"""Zabbix: a template for its agent, in the export format of the LTS release 7.0."""

from __future__ import annotations

import re
from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects._common import header
from oomconf.dialects._shell import comment
from oomconf.dialects._watched import watch
from oomconf.dialects._yaml_write import quoted
from oomconf.dialects._zabbix import TEMPLATE, Item, Trigger, items, macros, triggers, uuid
from oomconf.ledger import Artifact, Book, Rendering
from oomconf.policy import Policy

PATH: Final = "zabbix/oomconf.template.yaml"
_KEY: Final = re.compile(r"/T/([\w.]+(?:\[(?:\"(?:[^\"\\]|\\.)*\"|[^\]\"])*\])?)")


def wanted(policy: Policy) -> bool:
    """Whether a spec asks for it."""
    return policy.monitoring is not None and policy.monitoring.names("zabbix")


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write one template for all hosts; a trigger on one item stands with it, as an export has it."""
    book = Book("zabbix")
    found = watch(policy, needs.fleet, book)
    passed = [comment(f"{thing}: {why}") for thing, why in found.passed]
    limits = {one.object: one for host in needs.fleet.policies for one in host.workloads}
    for service in found.services:
        limit = limits[service.object].memory_max
        if service.kind != "unit" and limit is not None:
            why = "Zabbix's agent reads no container's working set: take the target prometheus"
            passed.append(comment(f"{service.object}: {why}"))
            book.impossible(service.object, limits[service.object].placement.identities[0], "memory_max", limit, why)
    every = list(triggers(found))
    text = needs.templates.render(
        "zabbix/template.yaml.j2",
        header=header(policy.source, [policy.object]),
        passed=passed,
        name=quoted(TEMPLATE),
        uuid=uuid("template"),
        group_uuid=uuid("group"),
        macros=[{"macro": quoted(name), "value": quoted(value), "description": quoted(what)} for name, value, what in macros(found)],
        items=[_item(item, [one for one in every if _keys(one) == {item.key}]) for item in items(found)],
        triggers=[_trigger(one) for one in every if len(_keys(one)) > 1],
    )
    artifact = Artifact(path=PATH, text=text, objects=(policy.object,))
    return Rendering(artifacts=(artifact,), ledger=tuple(dict.fromkeys(book.cells)))


def _keys(trigger: Trigger) -> set[str]:
    return set(_KEY.findall(trigger.expression))


def _item(item: Item, alone: list[Trigger]) -> dict[str, object]:
    said = {"uuid": uuid("item", item.key), "name": quoted(item.name)}
    if item.master:
        said["type"] = "DEPENDENT"
    said |= {"key": quoted(item.key), "history": quoted(item.history), "value_type": item.value_type}
    said |= {name: quoted(text) for name, text in (("units", item.units), ("description", item.description)) if text}
    return {
        "lines": [f"{key}: {value}" for key, value in said.items()],
        "steps": [
            {
                "type": step.type,
                "parameters": [quoted(one) for one in step.parameters],
                "error": [
                    f"{key}: {quoted(value)}" for key, value in zip(("error_handler", "error_handler_params"), step.error, strict=False)
                ],
            }
            for step in item.steps
        ],
        "master": quoted(item.master) if item.master else "",
        "triggers": [_trigger(one) for one in alone],
    }


def _trigger(trigger: Trigger) -> list[str]:
    return [
        f"uuid: {uuid('trigger', trigger.expression)}",
        f"expression: {quoted(trigger.text)}",
        f"name: {quoted(trigger.name)}",
        f"priority: {trigger.priority}",
        f"description: {quoted(trigger.description)}",
        f"manual_close: {quoted('YES')}",
    ]


DIALECT: Final = Dialect(
    name="zabbix",
    summary="monitoring/zabbix: a template with items and triggers, export format 7.0",
    scope="fleet",
    render=render,
    wanted=wanted,
    proven="the documented schema of the export, by a checker of the tests; no server",
)
