"""Commands of Python, each in a fork of a process that has imported torch: two thirds of most starts are `import torch`.

That process has imported nothing of fcspec or pytest. What a command starts, such as the process that runs the suite, is a fork,
too; what a run of pytest starts is a new process. Where a fresh interpreter is the point (its flags, its streams, another
installation), tests use subprocess itself.
"""

import atexit
import functools
import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

_FLAGS = ("-P", "-u")  # which a fork can do without, or do itself


def run_python(*arguments, cwd=None, env=None, input="", timeout=300):
    """As subprocess.run([sys.executable, *arguments], capture_output=True, text=True).

    Args:
        arguments: -m and a module, -c and code, a file, or "-" for what `input` says.
    """
    with TemporaryDirectory() as folder:
        streams = [str(Path(folder) / name) for name in ("in", "out", "err")]
        Path(streams[0]).write_text(input)
        request = {"command": list(map(str, arguments)), "cwd": str(cwd or os.getcwd()), "streams": streams}
        status = _starter().ask({**request, "env": dict(env or os.environ), "timeout": timeout})
        if status is None:
            raise subprocess.TimeoutExpired(arguments, timeout)
        return subprocess.CompletedProcess(arguments, status, *(Path(one).read_text() for one in streams[1:]))


def fcspec(*arguments, **options):
    """The command, started by run_python."""
    return run_python("-m", "fcspec", *arguments, **options)


class _Starter:
    """The process that forks, from here."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(self._end)

    def ask(self, request):
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def _end(self):
        with self._process:
            self._process.stdin.close()


@functools.cache
def _starter():
    return _Starter()


# ----------------------------------------------------------------------------------------------- in the process that forks


class _Forking(subprocess.Popen):
    """Forks and does not exec, where the command is one of this Python, and this process could be a new one but for torch."""

    def __init__(self, args, *more, env=None, pass_fds=(), **options):
        if [*args[:1]] == [sys.executable] and _is_known(args[1:]) and "pytest" not in sys.modules:
            options["preexec_fn"] = functools.partial(_become, args[1:], env, pass_fds)
        super().__init__(args, *more, env=env, pass_fds=pass_fds, **options)


def _is_known(arguments):
    rest = [one for one in arguments if one not in _FLAGS]
    return rest[:1] in (["-m"], ["-c"], ["-"]) or not rest[0].startswith("-")


def _become(arguments, env, pass_fds):
    """Run a command here, in the fork, as a new interpreter would, and end."""
    status = 1
    try:
        _leave_the_parent(env, pass_fds)
        status = _status_of(list(arguments))
    finally:
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
        os._exit(status)


def _leave_the_parent(env, pass_fds):
    kept = {0, 1, 2, *pass_fds}
    for descriptor in {int(one) for one in os.listdir("/proc/self/fd")} - kept:
        try:
            os.close(descriptor)  # the last one is that by which the parent waits for the exec
        except OSError:
            pass  # of the listing itself
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    atexit._clear()
    sys.stdin = sys.__stdin__ = open(0, closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", closefd=False, errors="backslashreplace")


def _status_of(arguments):
    try:
        _run(arguments)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        # Without the frames of this file and of runpy.
        traceback.print_exception(error.with_traceback(error.__traceback__.tb_next.tb_next))
        return 1
    finally:
        atexit._run_exitfuncs()
    return 0


def _run(arguments):
    safe_path = "-P" in arguments
    while arguments[0] in _FLAGS:
        arguments.pop(0)
    kind, folder = arguments.pop(0), [] if safe_path else [os.getcwd()]
    if kind == "-m":
        sys.argv, sys.path[:] = [*arguments], [*folder, *_PATH]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif kind in ("-c", "-"):
        code, name = (arguments.pop(0), "<string>") if kind == "-c" else (sys.stdin.read(), "<stdin>")
        sys.argv, sys.path[:] = [kind, *arguments], [*([] if safe_path else [""]), *_PATH]
        main = sys.modules["__main__"] = type(sys)("__main__")
        exec(compile(code, name, "exec"), vars(main))
    else:
        sys.argv, sys.path[:] = [kind, *arguments], [os.path.dirname(os.path.abspath(kind)), *_PATH]
        runpy.run_path(kind, run_name="__main__")


_PATH = sys.path[1:]  # without the folder of this file


def _serve():
    import ctypes

    import torch  # noqa: F401

    ctypes.CDLL(None).prctl(
        _SET_CHILD_SUBREAPER, 1, 0, 0, 0
    )  # or tests would find what a command left among their children
    subprocess.Popen = _Forking
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        stdin, stdout, stderr = (open(name, mode) for name, mode in zip(request["streams"], "rww", strict=True))
        with stdin, stdout, stderr:
            command = [sys.executable, *request["command"]]
            more = {"cwd": request["cwd"], "env": request["env"], "stdin": stdin, "stdout": stdout, "stderr": stderr}
            with subprocess.Popen(command, **more) as process:
                try:
                    status = process.wait(request["timeout"])
                except subprocess.TimeoutExpired:
                    process.kill()
                    status = None
        print(json.dumps(status), file=answers, flush=True)
        _reap()


def _reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # there is none


_SET_CHILD_SUBREAPER = 36


if __name__ == "__main__":
    _serve()
