"""What a language runtime inside a memory limit does by itself, is told by its environment, and is found to be told."""

from __future__ import annotations

from oomconf.runtimes._command import is_program, program, read_command, starts_java
from oomconf.runtimes._environment import Environment, Variable, environment
from oomconf.runtimes._heaps import default_heap, heap_under, jvm_rounded, overhead, share
from oomconf.runtimes._hint import JVM_VARIABLES, PRODUCT_VARIABLES, SCRIPT_VARIABLES, Hint, Kind, effective
from oomconf.runtimes._variables import KNOWN, read_environment

__all__ = [
    "JVM_VARIABLES",
    "KNOWN",
    "PRODUCT_VARIABLES",
    "SCRIPT_VARIABLES",
    "Environment",
    "Hint",
    "Kind",
    "Variable",
    "default_heap",
    "effective",
    "environment",
    "heap_under",
    "is_program",
    "jvm_rounded",
    "overhead",
    "program",
    "read_command",
    "read_environment",
    "share",
    "starts_java",
]
