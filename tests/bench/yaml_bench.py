"""Speed of the YAML reader against libyaml's bare event loop; run by hand: python tests/bench/yaml_bench.py [MB]."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

import yaml

from oomconf.dialects._yaml import compose

SERVICE = """\
  api-{0}:
    host: [web, pool]
    slice: workload.slice
    protect: high                      # the front door
    memory: {{low: 512M, high: 1500M, max: 2G, swap_max: 0}}
    restart: on-failure
    oom_score_adj: {{value: -500, reason: "keeps the queue's state"}}
    runtimes:
      - jvm: {{heap: 70%}}
        options: [-XX:+UseG1GC, '-Dname=api-{0}']
    systemd:
      unit: api-{0}.service
      command: |
        /usr/bin/api --port 80{0}
          --workers 4
"""


def document(size: int) -> str:
    """Make a spec of about `size` characters."""
    parts, length, number = ["version: 1\nservices:\n"], 0, 0
    while length < size:
        parts.append(SERVICE.format(number))
        length += len(parts[-1])
        number += 1
    return "".join(parts)


def events(text: str) -> None:
    for _ in yaml.parse(text, Loader=yaml.CLoader):
        pass


def best(run: Callable[[str], object], text: str, rounds: int = 5) -> float:
    """Seconds of processor time of the quickest round."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        run(text)
        times.append(time.process_time() - begin)
        gc.collect()
    return min(times)


def main() -> None:
    text = document(int(float(sys.argv[1] if len(sys.argv) > 1 else "2") * 1e6))
    size = len(text.encode()) / 1e6
    for collector in (True, False):
        (gc.enable if collector else gc.disable)()
        bare, ours = best(events, text), best(compose, text)
        theirs = best(lambda text: yaml.compose(text, Loader=yaml.CLoader), text)
        print(
            f"gc {'on ' if collector else 'off'}  {size:.1f} MB: events {size / bare:.1f} MB/s, compose {size / ours:.1f} MB/s "
            f"({ours / bare:.2f}x of the events), PyYAML's C compose {size / theirs:.1f} MB/s ({theirs / bare:.2f}x)"
        )
    gc.enable()


if __name__ == "__main__":
    main()
