"""Kubernetes: a kustomize component of patches, LimitRange and ResourceQuota, both ways."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect
from oomconf.dialects.kubernetes.read import assemble, claims, read
from oomconf.dialects.kubernetes.render import render

__all__ = ["DIALECT"]

DIALECT: Final = Dialect(
    name="kubernetes",
    family="kubernetes",
    summary="kubernetes/NAMESPACE/: a kustomize component with patches, LimitRange and ResourceQuota",
    scope="cluster",
    render=render,
    claims=claims,
    read=read,
    assemble=assemble,
    proven="the API's own schemas and kubectl kustomize",
)
