"""The suite's process by fork from one that has imported everything: a run costs a second, not four.

with warm() as start:
    report = suite.run(options, start=start)
"""

import array
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys


@contextlib.contextmanager
def warm():
    """A function to hand to `suite.run`, while the process behind it lives."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", __file__, str(theirs.fileno())]
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL) as server:
        theirs.close()
        yield lambda arguments, events, output: Forked(ours, arguments, events, output)
        ours.close()
        server.wait()


class Forked:
    """A process that is the child of the warm one; looks like subprocess.Popen."""

    def __init__(self, server, arguments, events, output):
        descriptors = array.array("i", [events, output.fileno()])
        request = json.dumps({"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)})
        server.sendmsg([request.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        self._server = server
        self.pid = int(server.recv(64))
        self.returncode = None

    def kill(self):
        with contextlib.suppress(ProcessLookupError):  # it is gone, and `wait` says how
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout=None):
        if self.returncode is None:
            if not select.select([self._server], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("the suite", timeout)
            self.returncode = int(self._server.recv(64))
        return self.returncode


def _serve(server):
    import hypothesis
    import pytest
    from fcspec import runner as suite
    from fcspec.target import boundary

    assert hypothesis
    assert boundary
    os.environ.pop("PYTEST_ADDOPTS", None)
    choice = ("--collect-only", "--implementation=reference", "--fcspec-isolation=none")
    pytest.main([*suite.pytest_arguments(), *choice])
    gc.freeze()
    while True:
        request, ancillary, _, _ = server.recvmsg(1 << 20, socket.CMSG_SPACE(2 * array.array("i").itemsize))
        if not request:
            return
        events, output = array.array("i", ancillary[0][2])
        pid = os.fork()
        if pid == 0:
            os._exit(_run(server, json.loads(request), events, output))
        os.close(events)
        os.close(output)
        server.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        server.send(str(os.waitstatus_to_exitcode(status)).encode())


def _run(server, request, events, output):
    from fcspec import runner as suite

    server.close()
    os.setsid()
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
    try:
        return suite.main(events, request["arguments"])
    except BaseException as error:
        print(error)
        return 70


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
