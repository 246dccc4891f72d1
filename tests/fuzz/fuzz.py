"""A coverage-guided fuzzer over every reader and rule, by hand: pip install atheris; python tests/fuzz/fuzz.py [DIALECT] [-max_total_time=60 …].

Whatever the bytes, linting never raises, no rule crashes, every finding points into the document, and mending what can be mended neither
raises nor adds a finding. What it finds becomes a case in the tests, in words of our own.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Mapping

import atheris

with atheris.instrument_imports(include=["oomconf"]):
    from oomconf.api import import_spec, lint_raw
    from oomconf.dialect import Document, Mapped
    from oomconf.finding import Finding
    from oomconf.fixes import fix

PATHS = {
    "systemd": (
        "etc/systemd/system/web.service",
        "etc/systemd/system/a-b.slice",
        "etc/systemd/system/web.service.d/x.conf",
        "etc/systemd/oomd.conf",
    ),
    "swap": ("etc/systemd/system/swapfile.swap", "etc/systemd/system.conf"),
    "sysctl": ("etc/sysctl.d/90-x.conf",),
    "compose": ("compose.yaml",),
    "quadlet": ("etc/containers/systemd/web.container",),
    "kubernetes": ("k8s/x.yaml", "chart/values.yaml", "overlay/kustomization.yaml"),
    "kubelet": ("etc/kubernetes/kubelet.conf.d/x.conf",),
    "daemon-json": ("etc/docker/daemon.json",),
    "script": ("x.sh", "Dockerfile", "etc/cron.d/x", "user-data.yaml", "tasks/main.yml"),
}
CHOSEN = [name for name in sys.argv[1:2] if name in PATHS]
KNOWN = [path for name in (CHOSEN or PATHS) for path in PATHS[name]]
SLOWEST = [0.0]


def one(data: bytes) -> None:
    """Lint, mend and import one input."""
    provider = atheris.FuzzedDataProvider(data)
    path = KNOWN[provider.ConsumeIntInRange(0, len(KNOWN) - 1)]
    text = provider.ConsumeUnicode(sys.maxsize)
    documents = [Document(path, text)]
    sources = Mapped({path: text})
    begun = time.process_time()
    report = lint_raw(documents, sources)
    spent = time.process_time() - begun
    if spent > 1 + len(text) / 10_000:
        raise AssertionError(f"{spent:.1f} s for {len(text)} characters")
    if report.crashed:
        raise report.crashed[0][1]
    lines = text.count("\n") + text.count("\r") + 2
    for finding in report.findings:
        if finding.at.path not in (path, "") or finding.at.line > lines:
            raise AssertionError(finding)

    def lint(texts: Mapping[str, str]) -> tuple[Finding, ...]:
        return lint_raw([Document(name, body) for name, body in texts.items()], Mapped(dict(texts))).findings

    fixed = fix({path: text}, report.findings, lint)
    if fixed.texts:
        before = Counter((row.rule, row.object) for row in report.findings)
        after = Counter((row.rule, row.object) for row in lint({path: text, **fixed.texts}))
        if after - before:
            raise AssertionError((fixed.texts, after - before))
    if len(text) < 2_000:
        import_spec(documents, sources)
    gc.collect() if provider.remaining_bytes() else None


if __name__ == "__main__":
    atheris.Setup([word for word in sys.argv if word not in CHOSEN], one)
    atheris.Fuzz()
