"""The rows of the matrix: what goes wrong. Each is a name and what is done to the exchange or to the process.

`strikes` are faults of the stand-in's catalogue (`python -m runner exchange --faults`); all begin at once. After
`hold_s` everything is healed. `process` is what is done to the bot's own process instead.
"""

from __future__ import annotations

from typing import Any

import attrs

PLACE, SPOT_PLACE, PERP_PLACE = "place-order", "spot/trade/place-order", "mix/order/place-order"


@attrs.frozen
class Fault:
    """One row. `hold_s` is at least as long as anything it delays."""

    name: str
    strikes: tuple[dict[str, Any], ...] = ()
    hold_s: float = 0.5
    process: str = ""


def _one(name: str, fault: str, hold_s: float = 0.5, **parameters: Any) -> Fault:
    return Fault(name, ({"name": fault, **parameters},), hold_s)


def _while(name: str, fault: str, hold_s: float, **parameters: Any) -> Fault:
    """A fault that holds, or strikes whatever comes, from beginning to end."""
    return Fault(name, ({"name": fault, "for_s": hold_s, **parameters},), hold_s)


def _lagging(name: str, hold_s: float) -> Fault:
    """An order's answer and pushes are lost, and queries by id lag behind the engine: there is no such order yet."""
    strikes = (
        {"name": "answer_lost", "path": PLACE},
        {"name": "refused", "path": "mix/order/detail", "code": "40109", "for_s": hold_s},
        {"name": "refused", "path": "orderInfo", "code": "43001", "for_s": hold_s},
        {"name": "push_lost", "for_s": hold_s},
    )
    return Fault(name, strikes, hold_s)


FAULTS: tuple[Fault, ...] = (
    # The next order request, and its answer
    _one("place_reset_before", "request_lost", path=PLACE),
    _one("place_reset_after", "answer_lost", path=PLACE),
    _one("place_hangs_before", "request_hangs", path=PLACE),
    _one("place_hangs_after", "answer_hangs", path=PLACE),
    _one("place_answer_late", "answer_late", path=PLACE, ms=400),
    _one("place_answer_too_late", "answer_late", 1.4, path=PLACE, ms=1_200),
    _one("place_effect_late", "request_late", 1.2, path=PLACE, ms=1_000),
    _one("place_effect_very_late", "request_late", 2.6, path=PLACE, ms=2_300),
    _one("place_502_before", "http_5xx", path=PLACE, executed=0.0),
    _one("place_502_after", "http_5xx", path=PLACE, executed=1.0),
    _one("place_45001_before", "unknown_error", path=PLACE, executed=0.0),
    _one("place_45001_after", "unknown_error", path=PLACE, executed=1.0),
    _while("place_45001_burst", "unknown_error", 0.8, path=PLACE),
    _while("place_429_burst", "too_many_requests", 0.8, path=PLACE),
    _while("all_429_burst", "too_many_requests", 0.8),
    Fault(
        "lost_and_no_query",
        (
            {"name": "answer_lost", "path": PLACE},
            {"name": "http_5xx", "path": "mix/order/detail", "executed": 0.0, "for_s": 1.2},
            {"name": "http_5xx", "path": "orderInfo", "executed": 0.0, "for_s": 1.2},
            {"name": "push_lost", "for_s": 1.2},
        ),
        1.2,
    ),
    _lagging("lost_and_not_found", 1.0),
    _lagging("lost_and_not_found_long", 2.4),
    Fault("hang_and_silent", ({"name": "answer_hangs", "path": PLACE}, {"name": "private_silent", "for_s": 2.5}), 2.5),
    Fault(
        "late_and_cut",
        (
            {"name": "request_late", "path": PLACE, "ms": 1_000},
            {"name": "stream_cut", "stream": "private", "for_s": 0.8},
        ),
        1.2,
    ),
    Fault(
        "hangs_and_fills_lost",
        ({"name": "answer_hangs", "path": PLACE, "times": 3}, {"name": "push_lost", "channel": "fill", "for_s": 2.0}),
        2.0,
    ),
    # Refusals
    _while("spot_43012", "refused", 1.0, path=SPOT_PLACE, code="43012"),
    _while("spot_43012_long", "refused", 3.0, path=SPOT_PLACE, code="43012"),
    _while("spot_45110", "refused", 1.0, path=SPOT_PLACE, code="45110"),
    _one("perp_22002", "refused", path=PERP_PLACE, code="22002"),
    # Cancels
    _one("cancel_reset_before", "request_lost", path="cancel-order"),
    _one("cancel_reset_after", "answer_lost", path="cancel-order"),
    _one("cancel_hangs_before", "request_hangs", path="cancel-order"),
    Fault("cancel_43001_falsely", ({"name": "refused", "path": "cancel-order", "code": "43001", "times": 2},)),
    # Readings
    _while("reads_502", "http_5xx", 1.5, path="fills", executed=0.0),
    # Private pushes
    _while("fill_lost", "push_lost", 1.5, channel="fill"),
    _while("fill_late", "push_late", 1.0, channel="fill", ms=[200, 600]),
    _while("fill_doubled", "push_doubled", 1.0, channel="fill"),
    _while("fill_before_answer", "push_before_answer", 0.6, path=PLACE, ms=40),
    _while("fill_before_order", "fill_before_order", 1.0, ms=300),
    _while("fills_split", "fills_split", 1.0, pieces=2),
    _while("orders_lost", "push_lost", 1.5, channel="orders"),
    _while("orders_late", "push_late", 1.0, channel="orders", ms=[200, 600]),
    _while("orders_doubled", "push_doubled", 1.0, channel="orders"),
    _while("orders_end_alone", "terminal_push_alone", 1.0),
    _while("pushes_lost", "push_lost", 1.5),
    _while("positions_stale", "positions_stale", 1.5),
    _while("positions_empty", "positions_empty", 1.5),
    # Streams
    _while("private_silent", "private_silent", 2.5),
    _while("private_cut", "stream_cut", 0.5, stream="private"),
    _while("private_closed", "stream_cut", 0.5, stream="private", clean=True),
    _while("private_half_open", "stream_half_open", 1.5, stream="private"),
    _while("private_frozen", "stream_frozen", 2.0, stream="private"),
    _while("public_cut", "stream_cut", 0.5, stream="public"),
    _while("public_frozen", "stream_frozen", 2.0, stream="public"),
    _while("both_cut", "stream_cut", 0.8, stream="any"),
    _while("both_half_open", "stream_half_open", 1.5, stream="any"),
    _while("down_1s", "exchange_down", 1.0),
    _while("down_3s", "exchange_down", 3.0),
    # Books
    _while("books_stale", "books_stale", 2.0),
    _while("spot_stale", "books_stale", 2.0, product="spot"),
    _while("spot_crossed", "books_crossed", 1.0, product="spot"),
    _while("perp_crossed", "books_crossed", 1.0, product="perp"),
    _while("spot_one_sided", "books_one_sided", 1.0, product="spot", side="bid"),
    # The market
    _while("spot_thin", "book_thin", 1.0, product="spot", share=0.0002),
    _while("spot_halted_1s", "halted", 1.0, product="spot"),
    _while("spot_halted_3s", "halted", 3.0, product="spot"),
    _while("perp_halted", "halted", 2.0, product="perp"),
    _while("both_halted", "halted", 2.0, product="any"),
    _while("ioc_stops", "ioc_stops", 0.8, product="spot", share=0.4),
    # The account and the clock
    _one("position_mode_flipped", "position_mode_flipped", 1.0),
    _while("clock_ahead_5s", "clock_skewed", 1.5, ms=5_000),
    _while("clock_behind_5s", "clock_skewed", 1.5, ms=-5_000),
    _one("clock_jumps_5s", "clock_jumps", 1.0, ms=5_000),
    # The bot's own process
    Fault("killed", hold_s=0.3, process="kill"),
    Fault("killed_order_late", ({"name": "request_late", "path": PLACE, "ms": 1_000},), 0.3, process="kill"),
    Fault("frozen_2s", hold_s=2.0, process="freeze"),
)

BY_NAME = {fault.name: fault for fault in FAULTS}
