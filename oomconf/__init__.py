"""Memory-protection policy as code for Linux.

    spec = oomconf.load("oomconf.yaml")
    report = oomconf.lint(spec)
    hosts = oomconf.simulate(spec)
    output = oomconf.render(spec, target=["systemd"])
    oomconf.write(output, "out")

Everything here is typed, keeps no state and prints nothing; errors are OomconfError and name the place.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oomconf.api import Spec as Spec
    from oomconf.api import audit as audit
    from oomconf.api import explain as explain
    from oomconf.api import explain_service as explain_service
    from oomconf.api import lint as lint
    from oomconf.api import load as load
    from oomconf.api import read_log as read_log
    from oomconf.api import render as render
    from oomconf.api import resolve as resolve
    from oomconf.api import simulate as simulate
    from oomconf.api import write as write
    from oomconf.diagnosis.nouns import Diagnosis as Diagnosis
    from oomconf.engine import Report as Report
    from oomconf.errors import CallError as CallError
    from oomconf.errors import InputError as InputError
    from oomconf.errors import LoadError as LoadError
    from oomconf.errors import OomconfError as OomconfError
    from oomconf.errors import TemplateError as TemplateError
    from oomconf.errors import WriteError as WriteError
    from oomconf.explanation.nouns import Explanation as Explanation
    from oomconf.finding import Finding as Finding
    from oomconf.finding import Severity as Severity
    from oomconf.host.tree import Changes as Changes
    from oomconf.inforce.nouns import Audit as Audit
    from oomconf.ledger import Artifact as Artifact
    from oomconf.ledger import Cell as Cell
    from oomconf.ledger import Status as Status
    from oomconf.location import Location as Location
    from oomconf.oomlog.events import OomEvent as OomEvent
    from oomconf.policy import Facts as Facts
    from oomconf.policy import Fleet as Fleet
    from oomconf.policy import Group as Group
    from oomconf.policy import Policy as Policy
    from oomconf.policy import Setting as Setting
    from oomconf.policy import Workload as Workload
    from oomconf.quantity import INFINITY as INFINITY
    from oomconf.quantity import Percent as Percent
    from oomconf.quantity import Size as Size
    from oomconf.renderer import Output as Output
    from oomconf.simulation import Simulation as Simulation
    from oomconf.snapshot import Snapshot as Snapshot

__version__ = "0.1.0"

_HOME = {
    "api": ("Spec", "audit", "explain", "explain_service", "lint", "load", "read_log", "render", "resolve", "simulate", "write"),
    "diagnosis.nouns": ("Diagnosis",),
    "engine": ("Report",),
    "errors": ("CallError", "InputError", "LoadError", "OomconfError", "TemplateError", "WriteError"),
    "explanation.nouns": ("Explanation",),
    "finding": ("Finding", "Severity"),
    "host.tree": ("Changes",),
    "inforce.nouns": ("Audit",),
    "ledger": ("Artifact", "Cell", "Status"),
    "location": ("Location",),
    "oomlog.events": ("OomEvent",),
    "policy": ("Facts", "Fleet", "Group", "Policy", "Setting", "Workload"),
    "quantity": ("INFINITY", "Percent", "Size"),
    "renderer": ("Output",),
    "simulation": ("Simulation",),
    "snapshot": ("Snapshot",),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = ["__version__", *sorted(_WHERE)]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: `oomconf --version` loads nothing else."""
    if name not in _WHERE:
        raise AttributeError(f"module 'oomconf' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"oomconf.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
