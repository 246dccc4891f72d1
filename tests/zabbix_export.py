"""What Zabbix 7.0 takes as an export, as its documentation tells it, as far as our template goes: every key and value else is refused."""

from __future__ import annotations

import re
from typing import Any

UUID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")
TYPES = {
    "ZABBIX_PASSIVE", "TRAP", "SIMPLE", "INTERNAL", "ZABBIX_ACTIVE", "EXTERNAL", "ODBC", "IPMI", "SSH", "TELNET", "CALCULATED", "JMX",
    "SNMP_TRAP", "DEPENDENT", "HTTP_AGENT", "SNMP_AGENT", "SCRIPT", "BROWSER",
}  # fmt: skip
VALUE_TYPES = {"FLOAT", "CHAR", "LOG", "UNSIGNED", "TEXT", "BINARY"}
NUMERIC = {"FLOAT", "UNSIGNED"}
PRIORITIES = {"NOT_CLASSIFIED", "INFO", "WARNING", "AVERAGE", "HIGH", "DISASTER"}
# how many parameters each step takes, and whether it has an error handler
STEPS = {
    "MULTIPLIER": (1, True), "REGEX": (2, True), "SIMPLE_CHANGE": (1, True), "CHANGE_PER_SECOND": (1, True), "JAVASCRIPT": (1, False),
    "PROMETHEUS_PATTERN": (3, True), "CHECK_NOT_SUPPORTED": (1, True), "DISCARD_UNCHANGED_HEARTBEAT": (1, False),
}  # fmt: skip
HANDLERS = {"ORIGINAL_ERROR", "DISCARD_VALUE", "CUSTOM_VALUE", "CUSTOM_ERROR"}
FUNCTIONS = {"last", "min", "max", "avg", "sum", "now", "nodata"}
AGGREGATES = {"sum", "min", "max", "avg", "count"}
ITEM = {
    "uuid": True, "name": True, "type": False, "key": True, "delay": False, "history": False, "value_type": False, "trends": False,
    "status": False, "units": False, "description": False, "preprocessing": False, "master_item": False, "tags": False, "triggers": False,
}  # fmt: skip
TRIGGER = {
    "uuid": True, "expression": True, "name": True, "priority": False, "description": False, "manual_close": False, "tags": False,
    "opdata": False, "event_name": False, "recovery_mode": False, "recovery_expression": False, "dependencies": False, "url": False,
}  # fmt: skip
TEMPLATE = {
    "uuid": True, "template": True, "name": False, "description": False, "vendor": False, "groups": True, "items": False, "tags": False,
    "macros": False, "templates": False, "dashboards": False, "valuemaps": False, "discovery_rules": False,
}  # fmt: skip
EXPORT = {"version": True, "template_groups": False, "host_groups": False, "templates": False, "triggers": False, "graphs": False}
REFERENCE = re.compile(r"(\w+)\(/([^/]+)/((?:[^\[\],()]+)(?:\[(?:\"(?:[^\"\\]|\\.)*\"|[^\]\"])*\])?)(?:,(#?\d+[smhd]?))?\)")
KEY = re.compile(r'[0-9A-Za-z_.-]+(\[(("([^"\\]|\\.)*"|[^",\[\]]*)(,("([^"\\]|\\.)*"|[^",\[\]]*))*)\])?')
MACRO = re.compile(r"\{\$[A-Z0-9_.]+\}")


class Checker:
    """Collects what is wrong with an export."""

    def __init__(self, data: Any) -> None:
        self.wrong: list[str] = []
        self.uuids: list[str] = []
        self.keys: dict[str, str] = {}
        self.macros: set[str] = set()
        self.names: set[str] = set()
        self.export(data)

    def say(self, place: str, what: str) -> None:
        self.wrong.append(f"{place}: {what}")

    def table(self, place: str, node: Any, keys: dict[str, bool]) -> bool:
        if not isinstance(node, dict):
            self.say(place, "is no mapping")
            return False
        for key in node:
            if key not in keys:
                self.say(place, f"unknown key {key}")
        for key, required in keys.items():
            if required and node.get(key) in (None, ""):
                self.say(place, f"lacks {key}")
        for key, value in node.items():
            if not isinstance(value, str | list | dict):
                self.say(place, f"{key} is {type(value).__name__}, not text")
        if "uuid" in keys:
            uuid = str(node.get("uuid"))
            self.uuids.append(uuid)
            if not UUID.fullmatch(uuid):
                self.say(place, f"{uuid} is no version 4 uuid")
        return True

    def export(self, data: Any) -> None:
        if not isinstance(data, dict) or list(data) != ["zabbix_export"]:
            self.say("/", "is no zabbix_export")
            return
        export = data["zabbix_export"]
        if not self.table("/", export, EXPORT):
            return
        if export["version"] != "7.0":
            self.say("version", f"is {export['version']!r}")
        groups = set()
        for group in export.get("template_groups", []):
            self.table("template_groups", group, {"uuid": True, "name": True})
            groups.add(group["name"])
        for template in export.get("templates", []):
            self.template(template, groups)
        for trigger in export.get("triggers", []):
            self.trigger("triggers", trigger, None)
        for template in export.get("templates", []):
            for item in template.get("items", []):
                for trigger in item.get("triggers", []):
                    self.trigger(f"triggers of {item['key']}", trigger, item["key"])
        if len(set(self.uuids)) != len(self.uuids):
            self.say("uuid", "is there twice")

    def template(self, template: Any, groups: set[str]) -> None:
        if not self.table("template", template, TEMPLATE):
            return
        self.names.add(template["template"])
        for group in template["groups"]:
            if group["name"] not in groups:
                self.say("template", f"is in the group {group['name']}, which is not declared")
        for macro in template.get("macros", []):
            self.table("macros", macro, {"macro": True, "value": False, "type": False, "description": False})
            if not MACRO.fullmatch(macro["macro"]):
                self.say("macros", f"{macro['macro']} is no macro")
            self.macros.add(macro["macro"])
        self.tags("template", template)
        for item in template.get("items", []):
            if self.table("items", item, ITEM):
                if item["key"] in self.keys:
                    self.say("items", f"{item['key']} is there twice")
                self.keys[item["key"]] = item.get("value_type", "UNSIGNED")
        for item in template.get("items", []):
            self.item(item)

    def item(self, item: Any) -> None:
        key = item["key"]
        kind, value_type = item.get("type", "ZABBIX_PASSIVE"), item.get("value_type", "UNSIGNED")
        if not KEY.fullmatch(key):
            self.say(key, "is no key of an item")
        if kind not in TYPES or value_type not in VALUE_TYPES:
            self.say(key, f"{kind} or {value_type} is no type")
        if value_type not in NUMERIC and {"units", "trends"} & set(item):
            self.say(key, "is text and has units or trends")
        if (kind == "DEPENDENT") != ("master_item" in item):
            self.say(key, "a dependent item, and no other, has a master")
        if kind == "DEPENDENT" and ("delay" in item or item["master_item"]["key"] not in self.keys):
            self.say(key, "has a delay, or a master that is not there")
        if not re.fullmatch(r"0|\d+[smhdw]", item.get("history", "31d")):
            self.say(key, "history is no time")
        for macro in MACRO.findall(key):
            if macro not in self.macros:
                self.say(key, f"{macro} is not declared")
        for step in item.get("preprocessing", []):
            self.step(key, step)
        self.tags(key, item)

    def step(self, key: str, step: Any) -> None:
        self.table(key, step, {"type": True, "parameters": False, "error_handler": False, "error_handler_params": False})
        count, handled = STEPS.get(step["type"], (-1, False))
        given = step.get("parameters", [])
        if len(given) != count or not all(isinstance(one, str) for one in given):
            self.say(key, f"{step['type']} with {given}")
        if "error_handler" in step and (not handled or step["error_handler"] not in HANDLERS):
            self.say(key, f"{step['error_handler']} of {step['type']}")
        if "error_handler_params" in step and step.get("error_handler") not in ("CUSTOM_VALUE", "CUSTOM_ERROR"):
            self.say(key, "error_handler_params without a custom error")
        if step["type"] == "CHECK_NOT_SUPPORTED" and step.get("error_handler", "") == "ORIGINAL_ERROR":
            self.say(key, "CHECK_NOT_SUPPORTED keeps its error")
        if step["type"] == "REGEX":
            re.compile(given[0])
        if step["type"] == "PROMETHEUS_PATTERN":
            what, how = given[1:]
            if (what == "value" and how) or (what == "function" and how not in AGGREGATES) or what not in ("value", "function", "label"):
                self.say(key, f"PROMETHEUS_PATTERN with {given}")

    def trigger(self, place: str, trigger: Any, alone: str | None) -> None:
        if not self.table(place, trigger, TRIGGER):
            return
        if trigger.get("priority", "NOT_CLASSIFIED") not in PRIORITIES or trigger.get("manual_close", "NO") not in ("YES", "NO"):
            self.say(place, "priority or manual_close")
        expression = trigger["expression"]
        found = REFERENCE.findall(expression)
        used = {key for _, _, key, _ in found}
        if not found:
            self.say(place, f"{expression} refers to no item")
        for function, template, key, period in found:
            if function not in FUNCTIONS or template not in self.names or key not in self.keys:
                self.say(place, f"{function}(/{template}/{key}) is not there")
            elif self.keys[key] not in NUMERIC:
                self.say(place, f"{key} is no number")
            if (function == "last") == bool(period):
                self.say(place, f"{function} with the period {period!r}")
        rest = MACRO.sub("1", REFERENCE.sub("1", expression)).replace("now()", "1").replace(" and ", " * ")
        if not re.fullmatch(r"[0-9.+*/()<>= -]+", rest):
            self.say(place, f"{rest} is no expression")
        for macro in MACRO.findall(expression + trigger["name"]):
            if macro not in self.macros:
                self.say(place, f"{macro} is not declared")
        if (used == {alone}) != (alone is not None) or (alone is None and len(used) < 2):
            self.say(place, "stands with an item if it is of that one alone, and apart if of several")
        self.tags(place, trigger)

    def tags(self, place: str, node: Any) -> None:
        for tag in node.get("tags", []):
            self.table(place, tag, {"tag": True, "value": False})


def check(data: Any) -> list[str]:
    """Give what Zabbix would refuse."""
    return Checker(data).wrong
