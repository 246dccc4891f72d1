"""Files that are no YAML."""

from oomconf.rule import Severity, page_only

not_yaml = page_only(
    "not-yaml",
    Severity.ERROR,
    """A file that should be YAML cannot be read as YAML.

    Tabs that indent, unclosed quotes and brackets, undefined aliases, aliases that expand without end, bytes that are no
    UTF-8: the consumer would refuse the whole file, and everything it says. The place is where the reader gave up; the
    cause often stands a line above. Templates (`{{ … }}`, `@NAME@`, `{NAME}/…`) and user data of several parts are listed as not checked.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
    \tweb: {ram: 8G}   ⟵
    ```

    ```yaml bad pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: web
    spec:   ⟵
      containers: []
    ```

    ```yaml good pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: @NAME@}
    ```

    ```yaml good policy.yaml
    apiVersion: policy.example/v1
    kind: Network
    spec:
      networks:
        - cidr: {IPv6}/128
    ```

    ```json good list.json
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}
    ```

    ```yaml good entry.yaml
    apiVersion: networking.example/v1
    kind: Entry
    spec: {addresses: [1.2.3.4, 2001:db8::]}
    ```

    ```yaml good user-data.yaml
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="//"

    --//
    Content-Type: application/node.eks.aws

    ---
    apiVersion: node.eks.aws/v1alpha1
    kind: NodeConfig
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web: {ram: 8G}
    ```
    """,
)
