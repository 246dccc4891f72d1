"""A provisioning script: render one host of a spec and say what changed, or why it is refused.

python examples/provision.py examples/small-vm/oomconf.yaml vm out
"""

from __future__ import annotations

import sys

import oomconf


def main(spec_path: str, host: str, folder: str) -> int:
    try:
        spec = oomconf.load(spec_path)
        report = oomconf.lint(spec)
    except oomconf.LoadError as error:
        for finding in error.findings:
            print(f"{finding.at}: {finding.message} ({finding.help})")
        return 2
    errors = [finding for finding in report.findings if finding.severity is oomconf.Severity.ERROR]
    for finding in errors:
        print(f"{finding.at}: {finding.message} [{finding.rule}]")
    if errors:
        return 1
    output = oomconf.render(spec, host=[host])
    changes = oomconf.write(output, folder, host=[host])
    for path in (*changes.created, *changes.changed):
        print(f"{host}: {path}")
    for cell in output.ledger:
        if cell.status is not oomconf.Status.EXACT:
            print(f"{cell.object}: {cell.target} says {cell.field} only {cell.status}: {cell.note}")
    limits = {workload.name: workload.memory_max.value for workload in oomconf.resolve(spec).policies[0].workloads if workload.memory_max}
    print(f"limits: {', '.join(f'{name} {size}' for name, size in limits.items())}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:4]))
