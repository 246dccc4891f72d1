"""Compose: an override in the base file's own style, both ways (compose-spec)."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect
from oomconf.dialects.compose.read import claims, read
from oomconf.dialects.compose.render import render

__all__ = ["DIALECT"]

DIALECT: Final = Dialect(
    name="compose",
    summary="compose/FILE.oomconf.yaml: an override in the base file's style",
    render=render,
    claims=claims,
    read=read,
    proven="the compose binary's config over base and override",
)
