"""How each consumer is told what a workload may take of swap."""

from __future__ import annotations

from typing import Final

__all__ = ["SAYINGS"]

SAYINGS: Final = {
    "systemd": "say MemorySwapMax=0 to be killed at the limit, or a size",
    "quadlet": "say MemorySwapMax=0 under [Service] to be killed at the limit, or a size",
    "docker": "say --memory-swap: equal to --memory for no swap, or the total",
    "compose": "say memswap_limit: equal to the limit for no swap, or the total",
    "cgroup": "write memory.swap.max: 0 to be killed at the limit, or a size",
}
"""By the target of a placement."""
