"""What a process that judges has said so far."""

from __future__ import annotations

from typing import Any

from fcspec import events
from fcspec.errors import UsageError
from fcspec.options import SPAWN
from fcspec.report.model import Case


class Progress:
    """What is known while a target is judged."""

    def __init__(self) -> None:
        self.plan: dict[str, list[str]] = {}
        self.cases: list[Case] = []
        self.target: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.isolation = "fork"
        self.out_of_patience = False
        self.problem: str | None = None
        self.notes: list[str] = []
        self.draft: str | None = None
        self.done = False

    @property
    def planned(self) -> int:
        return sum(map(len, self.plan.values()))

    def take(self, event: events.Event) -> None:
        """UsageError where the request is refused."""
        match event:
            case events.Refused(message):
                raise UsageError(message)
            case events.TargetFound(target):
                self.target = target
            case events.Planned(plan, isolation, environment):
                self.plan, self.isolation, self.environment = plan, isolation, environment
            case events.Judged(case):
                self.cases.append(case)
            case events.Noted(message):
                self.notes.append(message)
            case events.Drafted(message):
                self.draft = message
            case events.Spawning():
                self.isolation = SPAWN
            case events.OutOfPatience():
                self.out_of_patience = True
            case events.Problem(message):
                self.problem = self.problem or message
            case events.Done():
                self.done = True
