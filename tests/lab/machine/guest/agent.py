#!/usr/bin/python3
"""The machine's side: run one command after another for the host, over one virtio port.

In comes a line of JSON {"command", "timeout", "stdin": bytes that follow}; out goes {"status", "out": n, "err": n} and the two outputs.
Outputs go through files, so that a process which outlives its command holds nobody up.
"""

import io
import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

PORT = Path("/dev/virtio-ports/lab.agent")
UNPROTECTED = 'echo 0 >/proc/self/oom_score_adj && exec /bin/bash -c "$0"'


def exactly(port: io.RawIOBase, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = port.read(size - len(data))
        if not more:
            raise SystemExit("the host is gone")
        data += more
    return bytes(data)


def everything(port: io.RawIOBase, data: bytes) -> None:
    while data:
        data = data[port.write(data) :]


def run(job: dict[str, Any], stdin: bytes) -> tuple[int, bytes, bytes]:
    with (
        tempfile.TemporaryFile(dir="/var/tmp") as source,
        tempfile.TemporaryFile(dir="/var/tmp") as out,
        tempfile.TemporaryFile(dir="/var/tmp") as err,
    ):
        source.write(stdin)
        source.seek(0)
        child = subprocess.Popen(
            ["/bin/bash", "-c", UNPROTECTED, job["command"]], stdin=source, stdout=out, stderr=err, start_new_session=True, cwd="/root"
        )
        try:
            status = child.wait(job["timeout"])
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            status = 124
        for file in (out, err):
            file.seek(0)
        return (128 - status if status < 0 else status), out.read(), err.read()


def line(port: io.RawIOBase) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        data += exactly(port, 1)
    return data


def main() -> None:
    subprocess.run(["udevadm", "settle"], check=False)
    # errors and worse reach the console, which outlives a panic
    subprocess.run(["dmesg", "-n", "4"], check=False)
    with PORT.open("r+b", buffering=0) as port:
        everything(port, b"{}\n")
        while True:
            job = json.loads(line(port))
            status, out, err = run(job, exactly(port, job["stdin"]))
            everything(port, json.dumps({"status": status, "out": len(out), "err": len(err)}).encode() + b"\n" + out + err)


if __name__ == "__main__":
    main()
