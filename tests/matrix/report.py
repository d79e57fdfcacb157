"""The matrix as text: verdicts, then how long and how much was open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.matrix import cell as cells
from tests.matrix.cell import GOOD, Result
from tests.matrix.faults import FAULTS
from tests.matrix.moments import MOMENTS


def legend() -> str:
    """What the signs mean, as the module of the judge says it."""
    return (cells.__doc__ or "").partition("Verdicts\n")[2].rstrip()


def table(who: str, results: Mapping[tuple[str, str], Result]) -> str:
    """One line a fault, one column a moment; then time to safe (p50, max) and the most notional-seconds of a cell."""
    columns = [one.name for one in MOMENTS if any(key[1] == one.name for key in results)]
    heads = [name.replace("_", " ") for name in columns]
    lines = [
        f"\n{who}",
        f"{'':<24}" + "".join(f"{head:^14}" for head in heads) + f"{'safe p50':>10}{'max ms':>8}{'USDT s':>8}",
    ]
    for fault in FAULTS:
        row = [results.get((fault.name, name)) for name in columns]
        found = [one for one in row if one is not None]
        if not found:
            continue
        times = sorted(one.safe_ms for one in found)
        figures = f"{times[len(times) // 2]:>10}{times[-1]:>8}{max(one.notional_s for one in found):>8.0f}"
        lines.append(f"{fault.name:<24}" + "".join(f"{_sign(one):^14}" for one in row) + figures)
    counts = Counter(one.verdict for one in results.values())
    bad = sum(not one.is_good for one in results.values())
    words = ", ".join(f"{counts[sign]} {sign}" for sign in [*GOOD, *sorted(set(counts) - set(GOOD))] if counts[sign])
    return "\n".join([*lines, f"{len(results)} cells, {bad} bad: {words}"])


def _sign(result: Result | None) -> str:
    return " " if result is None else result.verdict
