"""Commands as processes of their own that need not load the libraries first: each is a fork of a process that has.

The rule: of the product nothing is loaded beforehand, so a command loads, reads its surroundings, and ends, as any.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import NoReturn

_LIBRARIES = ("dask.array", "httpx2", "obstore", "PIL.Image", "pyarrow.csv", "pyarrow.parquet", "tifffile", "zarr")
_MESSAGE_BYTES = 200_000


def run(
    module: str, arguments: list[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a module to its end, as `subprocess.run` does with nothing to read and its output captured."""
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        told, tell = os.pipe()
        request = json.dumps({"module": module, "arguments": arguments, "cwd": str(cwd), "env": dict(env)})
        socket.send_fds(_server(), [request.encode()], [out.fileno(), err.fileno(), tell])
        os.close(tell)
        with open(told, encoding="ascii") as answer:
            pid = int(answer.readline())
            if not select.select([answer], [], [], timeout)[0]:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([module, *arguments], timeout)
            code = int(answer.readline())
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess([module, *arguments], code, out.read().decode(), err.read().decode())


@functools.cache
def _server() -> socket.socket:
    """Start the process that is forked; it ends when this one has."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
    return ours


def _serve(requests: socket.socket) -> dict[str, object]:
    """Fork for every request; return in a fork, with what it is to become."""
    while True:
        request, handles, _, _ = socket.recv_fds(requests, _MESSAGE_BYTES, 3)
        if not request:
            os._exit(0)
        if os.fork() == 0:
            out, err, tell = handles
            command = os.fork()
            if command == 0:
                requests.close()
                os.close(tell)
                os.dup2(out, 1)
                os.dup2(err, 2)
                os.close(out)
                os.close(err)
                found: dict[str, object] = json.loads(request)
                return found
            os.write(tell, f"{command}\n".encode())
            code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
            os.write(tell, f"{code}\n".encode())
            os._exit(0)
        for handle in handles:
            os.close(handle)
        _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _become(command: dict[str, object]) -> None:
    """Be the module's process: its place, its surroundings, its arguments."""
    os.chdir(str(command["cwd"]))
    os.environ.clear()
    os.environ.update(command["env"])  # type: ignore[call-overload]
    time.tzset()
    sys.path[0] = str(command["cwd"])
    sys.argv = [str(command["module"]), *command["arguments"]]  # type: ignore[misc]
    _leave(_code_of(str(command["module"])))


def _code_of(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """End as Python does, but leave it to the system to take the libraries apart."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    for name in _LIBRARIES:
        import_module(name)
    gc.freeze()
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
