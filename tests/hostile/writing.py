"""Targets that write where others listen."""

import json
import os
import sys

from fcspec_reference import functional_call

REPORT = json.dumps({"answer": [], "event": "end", "exitstatus": 0}) + "\n"


def answers_for_the_test(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Into every descriptor that takes it, which hits pipes and sockets of the suite, if any are open."""
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, REPORT.encode())
        except OSError:
            pass
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def closes_everything(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    os.closerange(0, 256)
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def prints_megabytes(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    for _ in range(4):
        print("\x1b[31mall is well\x1b[0m <script>alert(1)</script>\n" * 20_000)
        print("x" * (1 << 20), file=sys.stderr)
        os.write(1, b"\xff\x00" * (1 << 18))
    return functional_call(module, values, args, kwargs, tie_weights=tie_weights, strict=strict)


def looks_for_the_word(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Whatever looks like a secret, in modules and in the frames above, goes before a report of its own."""
    found = [
        value for name, one in list(sys.modules.items()) if name.startswith("fcspec") for value in vars(one).values()
    ]
    frame = sys._getframe()
    while frame is not None:
        for value in [*frame.f_locals.values(), getattr(frame.f_locals.get("self"), "__dict__", {})]:
            found.extend(value.values() if isinstance(value, dict) else [value])
        frame = frame.f_back
    words = {bytes(one, "utf-8") if isinstance(one, str) else one for one in found if isinstance(one, (str, bytes))}
    for descriptor in range(3, 64):
        try:
            for word in (word for word in words if len(word) in (16, 32, 64)):
                os.write(descriptor, word + REPORT.encode() + word)
        except OSError:
            pass
    os._exit(0)
