"""`verdict serve`, but once users ask it has the fault that the release's version names after a +: a planted model."""

import asyncio
import os
import sys

from verdict.classifier.artifact import Answer
from verdict.cli import main
from verdict.serving.refusals import Refusal
from verdict.serving.service import Service

# The smoke test asks less often.
_SMOKE = 130
_FAULT = sys.argv[sys.argv.index("--release") + 1].partition("+")[2]
_answers = Service.answers
_asked = 0


async def _planted(self: Service, texts: list[str]) -> list[Answer]:
    global _asked  # noqa: PLW0603 - a process is one fault
    _asked += 1
    if _asked > _SMOKE:
        if _FAULT == "slow":
            await asyncio.sleep(0.3)
        if _FAULT == "fails" or (_FAULT == "rarely" and _asked % 33 == 0):
            raise RuntimeError("planted")
        if _FAULT == "nan":
            raise Refusal(500, "not_finite", "planted")
        if _FAULT == "crashes":
            os._exit(3)
    return await _answers(self, texts)


if _FAULT == "never":
    sys.exit("planted: it does not start")
Service.answers = _planted  # type: ignore[method-assign]
sys.exit(main(["serve", *sys.argv[1:]]))
