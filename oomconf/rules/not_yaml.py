"""Files that are no YAML."""

from oomconf.rule import Severity, page_only

not_yaml = page_only(
    "not-yaml",
    Severity.ERROR,
    """A file that should be YAML cannot be read as YAML.

    Tabs that indent, unclosed quotes and brackets, undefined aliases, aliases that expand without end, bytes that are no
    UTF-8: the consumer would refuse the whole file, and everything it says. The place is where the reader gave up; the
    cause often stands a line above.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
    \tweb: {ram: 8G}   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web: {ram: 8G}
    ```
    """,
)
