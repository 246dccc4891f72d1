"""Scripts of any kind, read only: what they run and write that speaks of memory."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect
from oomconf.dialects.script.read import claims, read
from oomconf.dialects.script.run import run

__all__ = ["DIALECT"]

DIALECT: Final = Dialect(
    name="script",
    summary="shell scripts, Dockerfiles, crontabs, cloud-init, Ansible tasks, Makefiles and CI jobs: read only",
    claims=claims,
    read=read,
    run=run,
    proven="bash, dash and busybox on the same commands",
)
