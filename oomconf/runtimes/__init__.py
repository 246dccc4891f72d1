"""Language runtimes inside a memory limit: the environment that holds their heaps below it, and the heaps that files already set."""

from __future__ import annotations

from oomconf.runtimes.hints import Hint, read_command, read_environment
from oomconf.runtimes.limits import default_heap, overhead
from oomconf.runtimes.say import Environment, Variable, environment

__all__ = ["Environment", "Hint", "Variable", "default_heap", "environment", "overhead", "read_command", "read_environment"]
