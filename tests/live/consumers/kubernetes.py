"""Kubernetes: the API's own schemas (strict), kustomize as kubectl builds it, and the canonical quantities of the API's decoder."""

from __future__ import annotations

import copy
import functools
import importlib.util
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from consumers import Refused, folder, locate, need

__all__ = ["available", "canonical", "kustomize", "objects", "quantities", "require", "schema_errors", "schema_version"]

_MARK = "OOMCONF_ORACLE"
_SECONDS = 60


def _kubectl() -> Path | None:
    return locate("kubectl", "OOMCONF_KUBECTL")


def available() -> str | None:
    """Say why Kubernetes' own code and schemas cannot be asked."""
    if importlib.util.find_spec("kubernetes_validate") is None:
        return "kubernetes-validate is not installed (pip install kubernetes-validate)"
    return None if _kubectl() else "kubectl is not installed (tests/live/consumers/fetch.sh kubectl)"


def require() -> None:
    """Skip, or fail in CI, where Kubernetes cannot be asked."""
    need(available())


class _Loader(yaml.SafeLoader):
    """YAML without timestamps: JSON has none, and the API reads YAML through JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def objects(text: str) -> list[dict[str, Any]]:
    """Give the objects of a YAML stream, with the members of a `List` taken out of it."""
    found: list[dict[str, Any]] = []
    for document in yaml.load_all(text, Loader=_Loader):
        if document is not None:
            found += document["items"] if document.get("kind") == "List" else [document]
    return found


def schema_version() -> str:
    """Give the newest Kubernetes release whose schemas are installed, such as `1.37.0`."""
    import kubernetes_validate

    return str(kubernetes_validate.latest_version())


@functools.cache
def _validator(version: str, kind: str, api_version: str) -> Any:
    # What kubernetes_validate.validate() builds at each call (2 MB of definitions), once per kind; iter_errors gives every error.
    import jsonschema
    from kubernetes_validate import utils
    from referencing import Registry, Resource

    group, slash, rest = api_version.rpartition("/")
    name = f"{kind.lower()}-{group.partition('.')[0]}{'-' if slash else ''}{rest}"
    installed = [one for one in utils.all_versions() if one == version or one.startswith(f"{version}.")]
    if not installed:
        msg = f"no schemas of Kubernetes {version} are installed"
        raise ValueError(msg)
    version = installed[-1]
    where = f"kubernetes-json-schema/v{version}-local-strict"
    try:
        schema = utils.schema_contents(f"{where}/{name}.json", version)
    except FileNotFoundError:
        return None
    definitions = Resource.from_contents(utils.schema_contents(f"{where}/_definitions.json", version))
    registry: Registry[Any] = definitions @ (Resource.from_contents(schema) @ Registry())
    return jsonschema.validators.Draft202012Validator(schema, registry=registry)


def schema_errors(document: str | Mapping[str, Any], *, version: str | None = None) -> list[str]:
    """Give `path: message` for all that the API's strict schema refuses in a manifest; an unknown kind is an error too.

    The schema takes any text for a quantity; `canonical` is the oracle for those.
    `version` is a release such as `1.30`; unsaid, the newest installed.
    """
    problems: list[str] = []
    for one in objects(document) if isinstance(document, str) else [dict(document)]:
        label = f"{one.get('kind')}/{one.get('metadata', {}).get('name')}"
        validator = _validator(version or schema_version(), str(one.get("kind")), str(one.get("apiVersion")))
        if validator is None:
            problems.append(f"{label}: no schema for {one.get('apiVersion')} {one.get('kind')}")
            continue
        for error in sorted(validator.iter_errors(one), key=lambda error: [str(step) for step in error.absolute_path]):
            where = ".".join(str(step) for step in error.absolute_path)
            problems += [f"{label}: {where}: {error.message}"]
    return problems


def _run(arguments: Iterable[str], root: Path) -> str:
    binary = _kubectl()
    if binary is None:
        raise FileNotFoundError(available())
    run = subprocess.run(
        [binary, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(root), "KUBECONFIG": str(root / "no-cluster")},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    if run.returncode:
        said = run.stderr.strip().replace(f"{root}/", "").removeprefix("error: ")
        logged = re.fullmatch(r'E\d{4} .*? "command failed" err="(.*)"', said, re.DOTALL)
        raise Refused(logged[1] if logged else said)
    return run.stdout


def kustomize(files: Mapping[str, str], directory: str = ".") -> list[dict[str, Any]]:
    """Give the objects of `kubectl kustomize DIRECTORY`, in its order; raise Refused in kustomize's words."""
    with folder(files) as root:
        return objects(_run(["kustomize", directory], root))


def _decoded(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not manifests:
        return []
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": manifests})
    with folder({"manifest.yaml": text}) as root:
        said = objects(_run(["set", "env", "--local", "-o", "yaml", "-f", "manifest.yaml", f"{_MARK}=1"], root))
    return [_unmarked(one) for one in said]


def quantities(values: Iterable[str | float]) -> list[str]:
    """Give the API's canonical spelling of memory quantities (`1.5Gi` is `1536Mi`); a bad one among them raises Refused."""
    containers = [{"name": f"c{number}", "resources": {"limits": {"memory": value}}} for number, value in enumerate(values)]
    if not containers:
        return []
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "oracle"}, "spec": {"containers": containers}}
    return [one["resources"]["limits"]["memory"] for one in _decoded([pod])[0]["spec"]["containers"]]


def canonical(manifest: str) -> list[dict[str, Any]]:
    """Give a manifest's objects after the API's typed decoder: quantities are canonical (`1.5Gi` is `1536Mi`), a bad one raises Refused.

    For everything with a pod template;
    of a LimitRange or ResourceQuota only the quantities go through the decoder; other kinds raise Refused.
    Unknown keys are dropped here; `schema_errors` sees them.
    """
    given = objects(manifest)
    decoded = iter(_decoded([one for one in given if one["kind"] not in ("LimitRange", "ResourceQuota")]))
    return [_with_quantities(one) if one["kind"] in ("LimitRange", "ResourceQuota") else next(decoded) for one in given]


def _with_quantities(one: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(one)
    spec = result["spec"]
    maps = (
        [spec["hard"]]
        if one["kind"] == "ResourceQuota"
        else [each for item in spec["limits"] for each in item.values() if isinstance(each, dict)]
    )
    spelt = iter(quantities(value for each in maps for value in each.values()))
    for each in maps:
        each.update({key: next(spelt) for key in list(each)})
    return result


def _unmarked(value: Any) -> Any:
    """Take out the variable that made `set env` decode, and the empty status that the encoder adds."""
    if isinstance(value, list):
        return [_unmarked(one) for one in value if not (isinstance(one, dict) and one.get("name") == _MARK)]
    if isinstance(value, dict):
        cleaned = {key: _unmarked(one) for key, one in value.items() if not (key == "creationTimestamp" and one is None)}
        return {
            key: one
            for key, one in cleaned.items()
            if not (key == "env" and one == []) and not (key == "status" and one in ({}, {"replicas": 0}))
        }
    return value
