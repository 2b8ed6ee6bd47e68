# SPDX-License-Identifier: Apache-2.0
"""Windows that wait for their attributions, which one process at a time computes beside the worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Protocol

from sketches.block import Block
from stream.explain.shapley import explain
from windows.baselines.baseline import Baseline
from windows.definition import ModelDefinition
from windows.errors import BaselineError
from windows.explained import Question, answered, question_of
from windows.partition.specs import is_explained
from windows.window_profile import WindowProfile

MOST_WAITING = 64


class Asked(Protocol):
    """A question that is being answered."""

    def answer(self) -> Block | str | None:
        """Give the attributions, why there are none, or None while nobody knows."""

    def stop(self) -> None:
        """Leave it unanswered."""


Ask = Callable[[Question], Asked]


def _work(question: Question, answers: Connection) -> None:
    try:
        answers.send(explain(question))
    except Exception as error:  # the worker has to know, whatever a user's model raised
        answers.send(f"{type(error).__name__}: {error}".splitlines()[0][:500])


class InProcess:
    """A question answered by a process of its own: a model may take its time, all memory, or the process with it."""

    def __init__(self, question: Question) -> None:
        processes = get_context("spawn")
        self._answers, theirs = processes.Pipe(duplex=False)
        self._process = processes.Process(target=_work, args=(question, theirs), name="explain", daemon=True)
        self._process.start()
        theirs.close()

    def answer(self) -> Block | str | None:
        """Give the attributions, why there are none, or None while nobody knows."""
        if not self._answers.poll():
            return None
        try:
            found: Block | str = self._answers.recv()
        except EOFError:
            self._process.join()
            found = f"the process that computed attributions ended with code {self._process.exitcode}"
        self.stop()
        return found

    def stop(self) -> None:
        """Leave it unanswered."""
        self._process.kill()
        self._process.join()
        self._answers.close()


@dataclass(slots=True)
class _Waiting:
    profile: WindowProfile
    question: Question
    asked: Asked | None = None
    since_ms: int = 0


class Explaining:
    """Lets windows through once they have the attributions that their definitions ask for.

    Windows of a model keep their order; other models' are not held up but behind the one that is being explained.

    Parameters
    ----------
    baseline : callable
        The baseline of a definition, None for none; may raise `BaselineError`.
    ask : callable
        Puts a question to a process.
    """

    def __init__(self, baseline: Callable[[ModelDefinition], Baseline | None], ask: Ask = InProcess) -> None:
        self._baseline = baseline
        self._ask = ask
        self._waiting: deque[_Waiting] = deque()

    def ready(self, due: Iterable[WindowProfile], now_ms: int) -> list[WindowProfile]:
        """Take windows that are due; give those that may be judged now.

        Parameters
        ----------
        due : iterable of WindowProfile
            In the order in which they are to be judged.
        now_ms : int
            Wall-clock time.
        """
        ready = []
        for profile in due:
            if not is_explained(profile.definition) or not profile.features_closed:
                ready.append(profile)
                continue
            question = self._question(profile)
            if isinstance(question, str):
                ready.append(replace(profile, unexplained=question))
            else:
                self._waiting.append(_Waiting(profile, question))
        while self._waiting and (known := self._first(now_ms)) is not None:
            self._waiting.popleft()
            ready.append(known)
        return ready

    def close(self) -> None:
        """Leave what is being computed; another worker will compute it."""
        for waiting in self._waiting:
            if waiting.asked is not None:
                waiting.asked.stop()
        self._waiting.clear()

    def _question(self, profile: WindowProfile) -> Question | str:
        if len(self._waiting) >= MOST_WAITING:
            return f"{MOST_WAITING} windows wait for their attributions already"
        try:
            return question_of(profile, self._baseline(profile.definition))
        except BaselineError as damaged:
            return str(damaged)

    def _first(self, now_ms: int) -> WindowProfile | None:
        """Give the window at the head once it is known what becomes of it."""
        head = self._waiting[0]
        if head.asked is None:
            head.asked, head.since_ms = self._ask(head.question), now_ms
        answer = head.asked.answer()
        if answer is None and now_ms - head.since_ms >= head.question.computed.timeout:
            head.asked.stop()
            answer = f"attributions were not computed within {head.question.computed.timeout} ms"
        if answer is None:
            return None
        if isinstance(answer, str):
            return replace(head.profile, unexplained=answer)
        return answered(head.profile, head.question.rows, answer)
