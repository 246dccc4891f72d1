"""Which host of a spec a captured one is."""

from __future__ import annotations

from collections.abc import Sequence

from oomconf.policy import Policy

__all__ = ["which"]


def which(policies: Sequence[Policy], hostname: str, wanted: str | None = None) -> tuple[Policy | None, str]:
    """Give the host that is named, else the only one, else the one of the machine's own name; without one, the words for why."""
    hosts = {policy.name: policy for policy in policies if policy.scope == "host"}
    listed = ", ".join(hosts) or "none"
    if wanted is not None:
        return hosts.get(wanted), f"the spec has no host {wanted}; hosts: {listed}"
    if len(hosts) == 1:
        return next(iter(hosts.values())), ""
    own = hosts.get(hostname) or hosts.get(hostname.partition(".")[0])
    if not hosts:
        return None, "the spec has no host: a cluster is not held against a machine"
    return own, f"which host of the spec is this? it is called {hostname or '?'}; say --host, one of {listed}"
