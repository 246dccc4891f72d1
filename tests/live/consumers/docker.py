"""The docker client, 23 or newer, talking to an engine of ours that records what is posted: the JSON is what a flag means.

For the grammar of sizes ask `consumers.compose`, whose binary is the publisher's own: Debian builds its client with an older go-units,
which takes `512Mi` and refuses `1e9`, where the publisher's does the opposite.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from consumers import Refused, locate, need

__all__ = ["FakeEngine", "Posted", "available", "environment", "host_config", "posted", "require", "version"]

_API = "1.47"
_ID = "c0ffee" + "0" * 58
_MINIMUM = 23
_SECONDS = 60


def _binary() -> Path | None:
    return locate("docker", "OOMCONF_DOCKER")


@functools.cache
def version() -> int | None:
    """Give the major version of the docker client."""
    found = _binary()
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"version (\d+)\.", said)
    return int(number[1]) if number else None


def available() -> str | None:
    """Say why the docker client cannot be asked."""
    found = version()
    if found is None:
        return "the docker client is not installed (tests/live/consumers/fetch.sh docker)"
    return f"the docker client {found} is older than {_MINIMUM}" if found < _MINIMUM else None


def require() -> None:
    """Skip, or fail in CI, where the docker client cannot be asked."""
    need(available())


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One request that carried a body: its path without the API version, its query, its JSON."""

    path: str
    query: dict[str, list[str]]
    body: dict[str, Any]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the test's output clean."""

    def address_string(self) -> str:
        return "unix"

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode() if not isinstance(value, str) else value.encode()
        self.send_response(status)
        self.send_header("Api-Version", _API)
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "text/plain" if isinstance(value, str) else "application/json")
        self.send_header("Content-Length", "0" if status == http.HTTPStatus.NO_CONTENT else str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != http.HTTPStatus.NO_CONTENT:
            self.wfile.write(body)

    def _path(self) -> str:
        return re.sub(r"^/v\d+\.\d+(?=/)", "", urlsplit(self.path).path)

    def do_HEAD(self) -> None:
        self._answer(200, "OK")

    def do_DELETE(self) -> None:
        self._answer(204, "")

    def do_GET(self) -> None:
        path = self._path()
        if path == "/_ping":
            self._answer(200, "OK")
        elif path == "/version":
            self._answer(200, {"Version": "28.0.0", "ApiVersion": _API, "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"})
        elif path == "/info":
            self._answer(
                200, {"OSType": "linux", "Architecture": "x86_64", "CgroupVersion": "2", "CgroupDriver": "systemd", "DriverStatus": []}
            )
        elif image := re.fullmatch(r"/images/(.+)/json", path):
            self._answer(
                200, {"Id": f"sha256:{'1' * 64}", "RepoTags": [unquote(image[1])], "Os": "linux", "Architecture": "amd64", "Config": {}}
            )
        elif found := re.fullmatch(r"/containers/([^/]+)/json", path):
            self._answer(*self.server.inspected(found[1]))
        elif path == "/volumes":
            self._answer(200, {"Volumes": [], "Warnings": None})
        elif path in ("/networks", "/containers/json", "/images/json"):
            self._answer(200, [])
        else:
            self._answer(404, {"message": f"no such object: {path}"})

    def do_POST(self) -> None:
        raw = self._body()
        path = self._path()
        if raw and "json" in self.headers.get("Content-Type", ""):
            query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            body = json.loads(raw)
            if body.get("Env"):
                body["Env"].sort()  # the client sends them in a different order every time
            self.server.posted.append(Posted(path=path, query=query, body=body))
        if path == "/containers/create":
            self._answer(201, {"Id": _ID[:-4] + f"{len(self.server.posted):04x}", "Warnings": []})
        elif path.endswith("/update"):
            self._answer(200, {"Warnings": []})
        elif path in ("/networks/create", "/volumes/create"):
            name = json.loads(raw).get("Name", "")
            self._answer(201, {"Id": "2" * 64, "Name": name, "Driver": "local", "Mountpoint": "/", "Scope": "local", "Labels": {}})
        elif path == "/images/create":
            self._answer(200, {"status": "done"})
        else:
            self._answer(204, "")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            parts: list[bytes] = []
            while length := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(length))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str) -> None:
        self.posted: list[Posted] = []
        super().__init__(path, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up early is no fault of the test."""

    def inspected(self, name: str) -> tuple[int, dict[str, Any]]:
        """Answer an inspection of what was created, well enough for compose to go on."""
        for number, one in enumerate(self.posted, start=1):
            identity = _ID[:-4] + f"{number:04x}"
            known = one.query.get("name", [identity])[0]
            if one.path == "/containers/create" and name in (identity, known):
                config = {key: value for key, value in one.body.items() if key not in ("HostConfig", "NetworkingConfig")}
                state = {"Status": "created", "Running": False, "Pid": 0, "ExitCode": 0}
                return 200, {
                    "Id": identity,
                    "Name": f"/{known}",
                    "Created": "2000-01-01T00:00:00Z",
                    "State": state,
                    "Image": f"sha256:{'1' * 64}",
                    "Config": config,
                    "HostConfig": one.body.get("HostConfig", {}),
                    "NetworkSettings": {"Networks": {}},
                    "Mounts": [],
                }
        return 404, {"message": f"no such container: {name}"}


class FakeEngine:
    """A Docker engine on a unix socket that agrees to everything and records what carried a body.

    `with FakeEngine() as engine:` then run a client with `environment(engine)`, then read `engine.posted`.
    """

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="oomconf-engine-")
        self.socket: str = f"{self._folder.name}/docker.sock"
        self._server = _Server(self.socket)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    @property
    def posted(self) -> list[Posted]:
        """What was posted so far, in order."""
        return self._server.posted

    @property
    def home(self) -> str:
        """A folder that lives as long as the engine."""
        return self._folder.name


def environment(engine: FakeEngine) -> dict[str, str]:
    """Give the environment of a client that knows this engine and nothing of the user's settings."""
    return {"PATH": os.environ["PATH"], "HOME": engine.home, "DOCKER_CONFIG": engine.home, "DOCKER_HOST": f"unix://{engine.socket}"}


def _arguments(argv: Sequence[str]) -> list[str]:
    arguments = list(argv[1:] if argv and Path(argv[0]).name == "docker" else argv)
    for at, word in enumerate(arguments):
        if word == "run":  # attached, the client would wait for output that never comes
            return [*arguments[: at + 1], "--detach", *arguments[at + 1 :]]
        if word in ("create", "update"):
            break
    return arguments


def posted(argv: Sequence[str]) -> list[Posted]:
    """Run a docker command line (with or without the leading `docker`) and give all that it posted; raise Refused in the client's words."""
    binary = _binary()
    if binary is None:
        raise FileNotFoundError(available())
    with FakeEngine() as engine:
        run = subprocess.run(
            [binary, *_arguments(argv)],
            env=environment(engine),
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        if run.returncode:
            raise Refused((run.stderr.strip() or run.stdout.strip()).partition("\n\nUsage:")[0].partition("\nSee 'docker")[0])
        return list(engine.posted)


def host_config(argv: Sequence[str]) -> dict[str, Any]:
    """Give the JSON that `docker run|create|update …` sends to the engine.

    For run and create: `Image`, `Env` (sorted), `Cmd` and `HostConfig` (`Memory`, `MemorySwap`, `MemoryReservation`, `OomScoreAdj`,
    `ShmSize`, `CgroupParent`, `Annotations`, …). For update: the resources themselves at the top (`Memory`, `MemorySwap`, …).
    Sizes are bytes, 0 is unsaid. Raise Refused in the client's words.
    """
    sent = [one.body for one in posted(argv) if one.path == "/containers/create" or one.path.endswith("/update")]
    if len(sent) != 1:
        msg = f"{len(sent)} containers were created or updated, not one"
        raise ValueError(msg)
    return sent[0]
