"""The floors that params.yaml sets overall, for programs that do without the judge's schema of them."""

from collections.abc import Mapping
from typing import Any

from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS

# The default of `evaluate.headline`: `HEADLINE` of verdict/classifier/params/metric_names.py, which base cannot import.
_HEADLINE = "weighted_f1"


def headline_of(params: Mapping[str, Any]) -> str:
    """Return the metric that decides: `evaluate.headline`, or its default."""
    return str((params.get("evaluate") or {}).get("headline") or _HEADLINE)


def overall_floors(params: Mapping[str, Any]) -> dict[str, float]:
    """Return the floors of `overall` by metric; a number alone, and `headline`, mean the metric that decides.

    Raises:
        VerdictError: they are no numbers.
    """
    headline = headline_of(params)
    floors = ((params.get("gate") or {}).get("floors") or {}).get("overall")
    by_metric = floors if isinstance(floors, Mapping) else {} if floors is None else {headline: floors}
    try:
        return {headline if name == "headline" else str(name): float(floor) for name, floor in by_metric.items()}
    except (TypeError, ValueError):
        what = "gate.floors.overall is neither a number nor numbers by metric"
        raise VerdictError(PARAMS, what, "verdict params") from None
