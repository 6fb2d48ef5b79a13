"""`verdict serve` with a fault that begins when users ask; the release's version names it after a `+`."""

import asyncio
import os
import sys
from collections.abc import Sequence

from starlette.exceptions import HTTPException

from verdict.cli import main
from verdict.serving.schema import Prediction, Text
from verdict.serving.service import Service

# The smoke test sends fewer requests.
_SMOKE_REQUESTS = 130
_FAULT = sys.argv[sys.argv.index("--release") + 1].partition("+")[2]
_predictions = Service.predictions
_requests = 0


async def _faulty_predictions(self: Service, inputs: Sequence[Text]) -> list[Prediction]:
    global _requests  # noqa: PLW0603 - a process is one fault
    _requests += 1
    if _requests > _SMOKE_REQUESTS:
        if _FAULT == "slow":
            await asyncio.sleep(0.3)
        if _FAULT == "fails" or (_FAULT == "rarely" and _requests % 33 == 0):
            raise RuntimeError("planted")
        if _FAULT == "nan":
            raise HTTPException(500, "planted: what a service says whose model gives no numbers")
        if _FAULT == "crashes":
            os._exit(3)
    return await _predictions(self, inputs)


if _FAULT == "never":
    sys.exit("planted: it does not start")
Service.predictions = _faulty_predictions  # type: ignore[method-assign]
sys.exit(main(["serve", *sys.argv[1:]]))
