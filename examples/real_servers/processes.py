"""Triton, KServe and kairos as processes on free ports of the loopback interface."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_START_S = 60.0


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Server:
    """One server of the protocol; `log` is the file that has what it says."""

    name: str
    log: Path
    command: list[str]
    env: dict[str, str]
    http_port: int = field(default_factory=free_port)
    grpc_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, as `kairos serve` is told."""
        return f"http://127.0.0.1:{self.http_port}+grpc://127.0.0.1:{self.grpc_port}"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        ports = {"HTTP": str(self.http_port), "GRPC": str(self.grpc_port)}
        command = [part.format(**ports) for part in self.command]
        env = {**os.environ, **self.env}
        with self.log.open("ab") as log:
            # In a session of its own, so that all processes which it starts can be killed with it.
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + _START_S
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/v2/health/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """End it as a crash would, if it runs."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def triton(model: Path, folder: Path) -> Server:
    """Return Triton's own binary, which a wheel carries, with the model in its backend for Python."""
    import pytriton

    packages = Path(pytriton.__file__).parent.parent
    shipped = packages / "pytriton/tritonserver"
    backend = folder / "backends/python"
    backend.mkdir(parents=True)
    stub = shipped / f"python_backend_stubs/{_PYTHON}/triton_python_backend_stub"
    _check_stub(stub)
    for file in (*(shipped / "backends/python").glob("*.*"), stub):
        (backend / file.name).symlink_to(file)
    command = [
        str(shipped / "bin/tritonserver"), f"--model-repository={HERE / 'triton'}",
        f"--backend-directory={backend.parent}", "--http-address=127.0.0.1", "--grpc-address=127.0.0.1",
        "--http-port={HTTP}", "--grpc-port={GRPC}", "--allow-metrics=false",
    ]  # fmt: skip
    env = {
        "MODEL_FILE": str(model),
        "SITE_PACKAGES": str(packages),
        "LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs"),
    }
    return Server("Triton", folder / "triton.log", command, env)


def _check_stub(stub: Path) -> None:
    """End with what to do where Triton's backend cannot run this Python."""
    if not stub.is_file():
        raise SystemExit(f"the wheel's Triton has no backend for Python {_PYTHON}")
    try:
        ctypes.CDLL(f"libpython{_PYTHON}.so.1.0")
    except OSError:
        raise SystemExit(f"Triton needs libpython{_PYTHON}.so.1.0: apt-get install libpython{_PYTHON}") from None


def kserve(model: Path, folder: Path) -> Server:
    """Return KServe's model server."""
    command = [sys.executable, str(HERE / "kserve_model.py"), str(model), "--http_port={HTTP}", "--grpc_port={GRPC}"]
    return Server("KServe", folder / "kserve.log", command, {})


class Proxy:
    """`kairos serve` in front of servers, over both protocols."""

    def __init__(self, kairos: str, servers: dict[str, Server], folder: Path) -> None:
        self._token = "a-token-of-an-example"
        (folder / "token").write_text(self._token)
        self._errors: IO[bytes] = (folder / "kairos.log").open("wb")
        self.http_port, self.grpc_port, self._admin_port = free_port(), free_port(), free_port()
        backends = [part for name, server in servers.items() for part in ("--backend", f"{name}={server.url}")]
        ports = ["--port", self.http_port, "--grpc-port", self.grpc_port, "--admin-port", self._admin_port]
        plan = ["--plan", ROOT / "examples/ci/plan.json", "--admin-token-file", folder / "token"]
        command = [kairos, "serve", *map(str, plan), *backends, *map(str, ports)]
        self.process = subprocess.Popen(command, stderr=self._errors)
        until = time.monotonic() + _START_S
        while b'"ready"' not in (folder / "kairos.log").read_bytes():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"kairos did not start:\n{(folder / 'kairos.log').read_text()}")
            time.sleep(0.1)

    def status(self) -> dict[str, dict[str, object]]:
        """Return what the router says of each backend, by URL."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._admin_port}/v1/status")
        request.add_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=5) as answer:
            return {each["backend"]: each for each in json.load(answer)["instances"]}

    def stop(self) -> int:
        """Tell it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self._errors.close()
        return code
