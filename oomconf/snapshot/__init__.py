"""A captured host: lines of files, of unit files and of commands, and what they say."""

from __future__ import annotations

from oomconf.snapshot.nouns import CgroupState, ContainerState, ProcessState, Snapshot, UnitState, name_of
from oomconf.snapshot.read import read

__all__ = ["CgroupState", "ContainerState", "ProcessState", "Snapshot", "UnitState", "name_of", "read"]
