"""Shells as oracles: a script that one of them cannot read is reported."""

from __future__ import annotations

import pytest
from consumers import shell

pytestmark = pytest.mark.live("shell")

GOOD = '#!/bin/sh\nset -eu\nfor name in "$@"; do\n    printf \'%s\\n\' "$name"\ndone\n'


def test_a_good_script_has_no_complaints() -> None:
    assert shell.check(GOOD) == []


@pytest.mark.parametrize("shebang", ["sh:", "dash:", "busybox sh:"])
def test_every_shell_complains_of_a_broken_script(shebang: str) -> None:
    assert any(line.startswith(shebang) for line in shell.parse("#!/bin/sh\nif true; then\n"))


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("#!/bin/sh\necho $1\n", "SC2086"),
        ("#!/bin/sh\nif [[ -n $1 ]]; then :; fi\n", "SC3010"),
        ('#!/bin/sh\nlocal x=1\necho "$x"\n', "SC3043"),
        ("#!/bin/sh\nunused=1\n", "SC2034"),
    ],
)
def test_shellcheck_complains_with_its_code_and_line(script: str, code: str) -> None:
    found = [line for line in shell.shellcheck(script) if line.endswith(f"[{code}]")]
    assert found
    assert found[0].startswith("2:")
    assert not [line for line in shell.shellcheck(script, exclude=(code,)) if code in line]
