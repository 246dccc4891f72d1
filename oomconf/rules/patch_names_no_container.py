"""Patches whose container is not in what they patch."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.ERROR)
def patch_names_no_container(entry: Entry, around: Context) -> Iterator[Problem]:
    """A kustomize patch for a container that is not there adds one, and the limit lands on it.

    A strategic merge puts lists of containers together by name. A name that is misspelt, or that changed in the base, makes a new
    container without an image, which the API server refuses; `kustomize build` says nothing. A spec cannot make this mistake alone:
    its component for kustomize patches the containers that the spec names, and is checked where it is used.

    ```yaml bad overlay/kustomization.yaml
    resources: [../base]
    patches:
      - patch: |
          apiVersion: apps/v1
          kind: Deployment
          metadata: {name: api}
          spec:
            template:
              spec:
                containers:
                  - name: app   ⟵
                    resources: {limits: {memory: 512Mi}}
    ```

    ```yaml with base/kustomization.yaml
    resources: [api.yaml]
    ```

    ```yaml with base/api.yaml
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: api}
    spec:
      template:
        spec:
          containers:
            - name: api
              image: registry.example/api
              resources: {requests: {memory: 512Mi}}
    ```

    ```yaml good overlay/kustomization.yaml
    resources: [../base]
    patches:
      - patch: |
          apiVersion: apps/v1
          kind: Deployment
          metadata: {name: api}
          spec:
            template:
              spec:
                containers:
                  - name: api
                    resources: {limits: {memory: 512Mi}}
    ```

    ```yaml with base/kustomization.yaml
    resources: [api.yaml]
    ```

    ```yaml with base/api.yaml
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: api}
    spec:
      template:
        spec:
          containers:
            - name: api
              image: registry.example/api
              resources: {requests: {memory: 512Mi}}
    ```
    """
    if entry.kind == "patch":
        known = entry.section.split(", ")
        near = get_close_matches(entry.value, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {entry.section}"
        message = f"there is no container '{entry.value}' in {entry.object}: the patch adds one, which has no image"
        yield Problem(entry.at, message, hint, object=entry.object)
