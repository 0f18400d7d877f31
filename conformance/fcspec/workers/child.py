"""A forked child that does pieces of work and answers each.

Protocol for one piece: the child sends DONE; the parent replies with a fresh random token; the child sends token, JSON, token.
The code under test never runs between DONE and the answer, so it cannot know the token. Any byte outside such a frame was
written by the code under test: the answer that follows is marked `intruded`.
"""

from __future__ import annotations

import errno
import faulthandler
import json
import os
import secrets
import select
import selectors
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fcspec.errors import in_words
from fcspec.workers.output import Output as Output
from fcspec.workers.output import tail
from fcspec.workers.output import use_output as use_output
from fcspec.workers.processes import deny, die_with_parent, kill, limit_resources, open_schedstat, signal_name

_DONE = b"fcspec: the work is done\n"
_TOKEN_LENGTH = 32
_LARGEST_ANSWER = 64 << 20

CHANNEL_CLOSED = 97
"""The status of a child whose work has closed the socket that takes its answers."""

_exit = os._exit  # as it was before the code under test ran

Work = Callable[[Output], Iterable[Any]]
"""What a child does; yields what JSON can hold, one answer for each piece of its work."""


@dataclass
class Answer:
    """What a child says when a piece of its work is done.

    Attributes:
        value: what its work yielded; None where it raised.
        escaped: the exception that its work raised, in words, and its traceback.
        intruded: something outside a frame came before it on the socket.
        seconds: since the answer before this one, or the fork.
    """

    value: Any
    escaped: tuple[str, str] | None
    intruded: bool
    seconds: float


@dataclass
class Outcome:
    """How a child ended.

    Attributes:
        status: as os.waitpid gives it.
        intruded: something outside a frame came on the socket after its last answer.
        output: the end of what it wrote to stdout and stderr.
        seconds: since its last answer, or the fork.
    """

    status: int = 0
    intruded: bool = False
    output: str = ""
    seconds: float = 0.0

    @property
    def signal(self) -> str | None:
        """The signal that ended it, by name."""
        return signal_name(os.WTERMSIG(self.status)) if os.WIFSIGNALED(self.status) else None


class Child:
    """A forked process with a process group of its own, killed by the kernel when its parent dies.

    Args:
        work: what the child does.
        denied: descriptors of this process that the child must not have; they lead to /dev/null there.
        limited: whether memory and files of the child are bounded.

    Attributes:
        clock: when it last answered, or was forked.
    """

    def __init__(self, work: Work, denied: Iterable[int] = (), *, limited: bool = True) -> None:
        self.clock = time.monotonic()
        self._output = (tempfile.TemporaryFile(), tempfile.TemporaryFile())
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None where a target has no console
            stream.flush()
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                ours.close()
                self._child(work, theirs, parent, denied, limited)
            finally:
                _exit(0)
        theirs.close()
        ours.setblocking(False)
        self.channel = ours
        self.pidfd = os.pidfd_open(self.pid)
        self._schedstat = open_schedstat(self.pid)
        self._waited_before = 0.0
        self._token: bytes | None = None
        self._received = b""
        self._intruded = False
        self._answers: list[Answer] = []
        try:
            os.setpgid(self.pid, self.pid)
        except OSError:
            pass  # the child was faster, or is gone

    @property
    def descriptors(self) -> tuple[int, int]:
        return self.channel.fileno(), self.pidfd

    def _child(self, work: Work, channel: socket.socket, parent: int, denied: Iterable[int], limited: bool) -> None:
        me = os.getpid()
        os.setpgid(0, 0)
        die_with_parent()
        if os.getppid() != parent:
            return
        deny(denied)
        if limited:
            limit_resources()
        faulthandler.enable(self._output[1])
        for answer in _answers(work, self._output):
            if os.getpid() != me:
                return  # the code under test forked, and its child came back here; only the first process answers
            text = json.dumps(answer, default=_unreadable).encode()
            try:
                channel.sendall(_DONE)
            except OSError as error:
                _exit(CHANNEL_CLOSED if error.errno == errno.EBADF else 0)
            token = b""
            while len(token) < _TOKEN_LENGTH:
                if not (more := channel.recv(_TOKEN_LENGTH - len(token))):
                    return
                token += more
            channel.sendall(token + text + token)
            del token

    def listen(self) -> bool:
        """Take what arrived. False where nothing more will come, or too much came."""
        try:
            while chunk := self.channel.recv(1 << 20):
                self._received += chunk
                if len(self._received) > _LARGEST_ANSWER:
                    self._intruded = True
                    return False
                self._converse()
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _converse(self) -> None:
        """Parse what was received as far as it goes, and reply to DONE with a token."""
        while True:
            if self._token is None:
                before, asked, rest = self._received.partition(_DONE)
                if not asked:
                    return
                self._intruded |= bool(before)
                self._received, self._token = rest, secrets.token_hex(_TOKEN_LENGTH // 2).encode()
                try:
                    self.channel.send(self._token)
                except OSError:
                    return  # it is gone, and its end says how
            before, said, rest = self._received.partition(self._token)
            text, end, rest = rest.partition(self._token)
            if not (said and end):
                return
            self._received, self._token = rest, None
            self._intruded |= bool(before)
            self._note(text)

    def _note(self, text: bytes) -> None:
        now = time.monotonic()
        try:
            said = json.loads(text)
        except ValueError:
            said, self._intruded = {}, True
        escaped = said.get("escaped")
        answer = Answer(said.get("value"), tuple(escaped) if escaped else None, self._intruded, now - self.clock)
        self._answers.append(answer)
        self.clock, self._intruded = now, False
        self._waited_before = self._times()[1]

    def _times(self) -> tuple[float, float]:
        """Seconds that its main thread has run, and that it was ready to run and had no processor."""
        try:
            ran, waited = os.pread(self._schedstat, 100, 0).split()[:2]
        except (OSError, ValueError):
            return 0.0, 0.0  # it is gone, or the system does not say
        return int(ran) / 1e9, int(waited) / 1e9

    @property
    def starved(self) -> float:
        """Seconds since its last answer in which it was ready to run, and others had the processors."""
        return max(0.0, self._times()[1] - self._waited_before)

    def answers(self) -> list[Answer]:
        """The answers since this was last asked."""
        new, self._answers = self._answers, []
        return new

    def next_answer(self, seconds: float) -> Answer | None:
        """Listen until there is an answer; None where the child ends or the time is over before."""
        deadline = time.monotonic() + seconds
        while not self._answers and (left := deadline - time.monotonic()) > 0:
            if not select.select([self.channel], [], [], left)[0] or not self.listen():
                break
        return self._answers.pop(0) if self._answers else None

    def next_answer_while_busy(self, idle: float, most: float) -> Answer | None:
        """Listen until there is an answer; None where the child ends, sleeps for so long, or the time is over before."""
        deadline = time.monotonic() + most
        while (left := deadline - time.monotonic()) > 0:
            before = sum(self._times())
            answer = self.next_answer(min(idle, left))
            if answer is not None or sum(self._times()) < before + idle / 2:
                return answer
        return None

    def wait(self, seconds: float) -> bool:
        """Listen until the child has ended (True) or the time is over."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for descriptor in self.descriptors:
                selector.register(descriptor, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    if key.fd == self.pidfd:
                        return True
                    if not self.listen():
                        selector.unregister(key.fd)
        return False

    def end(self) -> Outcome:
        """Kill what is left of the child and its group, and say how it ended."""
        kill(self.pid)
        _, status = os.waitpid(self.pid, 0)
        self.listen()
        self.channel.close()
        os.close(self.pidfd)
        if self._schedstat >= 0:
            os.close(self._schedstat)
        outcome = Outcome(status=status, seconds=time.monotonic() - self.clock)
        outcome.intruded = self._intruded or bool(self._received)
        outcome.output = "".join(map(tail, self._output))
        for file in self._output:
            file.close()
        return outcome


def _answers(work: Work, output: Output) -> Iterator[dict[str, Any]]:
    try:
        for value in work(output):
            yield {"value": value}
    except BaseException as escaped:
        yield {"escaped": (in_words(escaped), _traceback(escaped))}


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error, limit=-30))[-8000:]
    except Exception:
        return ""


def _unreadable(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__qualname__}>"
