"""oomconf schema: the JSON Schema of the spec."""

from __future__ import annotations

from oomconf.cli import EXIT_CALL, EXIT_FINE


def run(words: list[str]) -> int:
    if words and words[0] in ("-h", "--help"):
        print(
            "usage: oomconf schema\n\nPrints the JSON Schema (draft 2020-12) of the spec. In a spec: # yaml-language-server: $schema=FILE"
        )
        return EXIT_FINE
    if words:
        import sys

        print(f"oomconf: schema takes no argument, found '{words[0][:80]}'", file=sys.stderr)
        return EXIT_CALL
    from oomconf.spec.schema import schema_text

    print(schema_text(), end="")
    return EXIT_FINE
