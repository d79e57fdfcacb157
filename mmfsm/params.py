"""Every parameter of the desk, once: default, unit, bounds and one line of help.

The defaults are the cautious ones for live trading. A name carries its unit; the runner reads each from the environment
variable of the same name in capitals.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from mmfsm.errors import ParamError
from mmfsm.values import PosMode

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def param(
    default: Any,
    help_: str,
    unit: str = "",
    low: str | int | None = None,
    high: str | int | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """Declare one parameter: an attrs field whose metadata says all that a reader, a parser and a table of help need.

    The type is the default's: bool, int, Decimal or str. `low` and `high` are inclusive. A default of None is a Decimal
    that may be left unset (an empty text).
    """
    meta = {
        "help": help_,
        "unit": unit,
        "low": None if low is None else Decimal(low),
        "high": None if high is None else Decimal(high),
        "choices": choices,
        "secret": secret,
    }
    return attrs.field(default=default, metadata=meta, validator=_validate)


def _kind(field: attrs.Attribute[Any]) -> Any:
    return Decimal if field.default is None else type(field.default)


def takes(field: attrs.Attribute[Any]) -> str:
    """Say in words what a declared parameter takes, for errors and the help table."""
    meta, kind = field.metadata, _kind(field)
    if meta["choices"]:
        return "one of " + ", ".join(meta["choices"])
    if kind is bool:
        return "0 or 1"
    if kind is str:
        return "text"
    what = "a whole number" if kind is int else "a number"
    unit = f" of {meta['unit']}" if meta["unit"] else ""
    low, high = meta["low"], meta["high"]
    if low is not None and high is not None:
        return f"{what}{unit} from {low} to {high}"
    return f"{what}{unit}" + (f", at least {low}" if low is not None else "")


def _validate(_owner: object, field: attrs.Attribute[Any], value: Any) -> None:
    meta, kind = field.metadata, _kind(field)
    if value is None and field.default is None:
        return
    shown = "(secret)" if meta["secret"] else value
    if type(value) is not kind:  # 2 reads like a number of bps, but is no Decimal: say so
        raise ParamError(field.name.upper(), shown, f"{takes(field)}, as {kind.__name__}, not {type(value).__name__}")
    if meta["choices"] and value not in meta["choices"]:
        raise ParamError(field.name.upper(), shown, takes(field))
    if kind in (int, Decimal):
        finite = kind is int or value.is_finite()
        low, high = meta["low"], meta["high"]
        if not finite or (low is not None and value < low) or (high is not None and value > high):
            raise ParamError(field.name.upper(), shown, takes(field))


def parse(field: attrs.Attribute[Any], text: str) -> Any:
    """Turn the text of an environment variable into the declared type.

    Raises:
        ParamError: the text is not of that type; the message names the variable and what it takes.
    """
    kind, bare = _kind(field), text.strip()
    if field.default is None and not bare:
        return None
    try:
        if kind is bool:
            if bare.lower() in _TRUE + _FALSE:
                return bare.lower() in _TRUE
        elif kind is int:
            return int(bare)
        elif kind is Decimal:
            return Decimal(bare)
        else:
            return bare
    except (ValueError, InvalidOperation):
        pass
    raise ParamError(field.name.upper(), "(secret)" if field.metadata["secret"] else text, takes(field))


def text_of(value: Any) -> str:
    """Return the text that `parse` reads back as this value.

    >>> text_of(True), text_of(None), text_of(Decimal("0.10"))
    ('1', '', '0.10')
    """
    return str(int(value)) if isinstance(value, bool) else "" if value is None else str(value)


@attrs.frozen(kw_only=True)
class Params:
    """What the desk is told before it starts. Cross-field rules are checked at the end of construction."""

    # What is traded
    symbol: str = param("ETHUSDT", "the instrument, the same name on both legs")
    quote_size: Decimal = param(Decimal(0), "size of each quote; 0 = the smallest both legs can trade", "base coin", 0)
    max_position: Decimal = param(Decimal("0.1"), "largest perp position either way, with open quotes", "base coin", 0)
    spot_baseline: Decimal = param(Decimal(0), "spot coin the bot never touches", "base coin", 0)
    adopt_position: bool = param(False, "take over a perp position found at start as the hedged half of a pair")

    # Quotes
    obi_levels: int = param(5, "book levels in the order-book imbalance", "levels", 1, 5)
    k_obi: Decimal = param(Decimal("0.0001"), "shift of the reservation price at imbalance 1", "fraction", 0, "0.01")
    base_half_spread_bps: Decimal = param(Decimal(14), "half spread before skews", "bps", 0, 500)
    inventory_skew_bps: Decimal = param(Decimal(2), "skew at a full position", "bps", 0, 500)
    funding_skew_bps: Decimal = param(Decimal(1), "how much closer funding's side is quoted", "bps", 0, 100)
    replace_threshold_bps: Decimal = param(Decimal(2), "a resting quote moves only past this", "bps", 0, 100)
    requote_min_ms: int = param(500, "shortest time between two placements on one side", "ms", 0, 60_000)

    # Fees, for what the account does not tell of itself
    perp_maker_bps: Decimal | None = param(None, "perp maker fee; unset: the list's", "bps", -50, 500)
    perp_taker_bps: Decimal | None = param(None, "perp taker fee; unset: the list's", "bps", -50, 500)
    spot_taker_bps: Decimal | None = param(None, "spot taker fee; unset: the list's", "bps", -50, 500)
    fees_poll_sec: int = param(3_600, "how often the account's fees are read again", "s", 10, 86_400)

    # The edge of a side
    edge_floor: bool = param(True, "no side is quoted below MIN_EDGE_BPS; 0: the edge is only told")
    min_edge_bps: Decimal = param(Decimal(1), "least edge after fees, slip and buffer", "bps", -500, 500)
    max_half_spread_bps: Decimal = param(Decimal(50), "further from mid the floor moves no quote: off", "bps", 0, 1000)
    edge_pad_bps: Decimal = param(Decimal(1), "edge above the least at which the floor places a quote", "bps", 0, 100)
    edge_buffer_bps: Decimal = param(Decimal(1), "kept back from the edge of a side that opens", "bps", 0, 100)
    expected_slip_bps: Decimal = param(
        Decimal(1), "what a hedge pays beyond the touch, before any is seen", "bps", 0, 150
    )
    slip_weight: Decimal = param(
        Decimal("0.1"), "weight of the newest hedge in the measured slip; 0 = as set", "", 0, 1
    )
    funding_horizon_h: Decimal = param(Decimal(0), "funding counted into the edge, ahead; 0 = none", "h", 0, 720)

    # Skews beyond the first
    k_micro: Decimal = param(Decimal(0), "share of the way from mid to the micro-price", "fraction", 0, 1)
    k_flow: Decimal = param(
        Decimal(0),
        "shift of the reservation price at trade flow 1; 0 = trades are not listened to",
        "fraction",
        0,
        "0.01",
    )
    flow_window_ms: int = param(5_000, "a trade counts half in the flow after this", "ms", 100, 3_600_000)
    flow_floor_qty: Decimal = param(
        Decimal(10), "traded volume at which the flow counts half", "base coin", "0.000000001", 1_000_000_000
    )
    funding_target: Decimal = param(Decimal(0), "share of MAX_POSITION that funding's side aims at", "fraction", 0, 1)
    basis_filter: str = param(
        "off_quotes", "what a basis far from its own recent mean does",
        choices=("none", "skew", "off_quotes"),
    )  # fmt: skip
    basis_z_max: Decimal = param(Decimal(5), "standard deviations from the mean that are far", "", 1, 100)
    basis_sd_min_bps: Decimal = param(Decimal(2), "the standard deviation counts for at least this", "bps", "0.01", 500)
    basis_window_sec: int = param(600, "how far back the basis is averaged, exponentially", "s", 10, 86_400)
    basis_skew_bps: Decimal = param(Decimal(3), "shift of both quotes against a far basis", "bps", 0, 100)

    # Funding
    min_abs_funding: Decimal = param(Decimal("0.00001"), "nearer to zero than this: quotes off", "fraction", 0, "0.01")
    funding_direction: str = param(
        "either", "which perp side may be paid for being held; the other sign turns quotes off",
        choices=("either", "short", "long"),
    )  # fmt: skip
    funding_hysteresis: Decimal = param(
        Decimal("0.000002"), "above MIN_ABS_FUNDING by this before quotes are on again", "fraction", 0, "0.01"
    )
    funding_cooldown_sec: int = param(60, "quotes stay off after funding turned them off or round", "s", 0, 86_400)
    settlement_pause_sec: int = param(60, "before a settlement no side opens what would pay it", "s", 0, 3_600)
    funding_poll_sec: int = param(20, "how often funding is read", "s", 1, 3600)
    funding_stale_sec: int = param(90, "funding older than this: quotes off", "s", 2, 7200)

    # The way out of a held pair
    exit_policy: str = param(
        "off", "off: none; quote: only the closing side is quoted; cross: and at last the perp is closed at the touch",
        choices=("off", "quote", "cross"),
    )  # fmt: skip
    take_profit_bps: Decimal = param(Decimal(10), "left if crossing out would net this, fees paid; 0 = never", "bps", 0)
    loss_cut_bps: Decimal = param(Decimal(60), "left if the basis has moved against it by this; 0 = never", "bps", 0)
    pair_max_age_sec: int = param(0, "left when held this long; 0 = never", "s", 0)
    exit_grace_sec: int = param(900, "after a settlement no exit begins and nothing is crossed", "s", 0, 28_800)
    exit_cross_after_sec: int = param(
        300, "how long the closing side is quoted before the exit crosses", "s", 0, 86_400
    )

    # Hedges
    hedge_slip_bps: Decimal = param(Decimal(5), "how far through the touch the first hedge may pay", "bps", 0, 150)
    chase_step_bps: Decimal = param(Decimal(10), "how much wider each chase is", "bps", 0, 100)
    hedge_slip_max_bps: Decimal = param(Decimal(100), "widest a hedge ever goes", "bps", 0, 190)
    hedge_deadline_ms: int = param(1_500, "from the fill to CHASING", "ms", 1, 600_000)
    hedge_retry_ms: int = param(200, "shortest time between two hedge orders of a ticket", "ms", 0, 10_000)
    max_unhedged_sec: Decimal = param(Decimal(5), "from the fill to UNWINDING", "s", "0.001", 3600)
    max_unhedged_notional: Decimal = param(Decimal(500), "open exposure above this is chased at once", "quote coin", 0)
    unwind_slip_bps: Decimal = param(Decimal(50), "how far through the touch an unwind may pay", "bps", 0, 400)
    unwind_retry_ms: int = param(300, "shortest time between two unwind orders of a ticket", "ms", 0, 10_000)

    # Orders whose end is not yet known
    child_settle_ms: int = param(800, "an acknowledged IOC without an end is asked for after this", "ms", 1, 60_000)
    cancel_settle_ms: int = param(1_500, "a cancel without an end is asked for after this", "ms", 1, 60_000)
    answer_bound_ms: int = param(6_000, "a request without an answer counts as unknown after this", "ms", 1, 60_000)
    query_period_ms: int = param(700, "shortest time between two questions about an order", "ms", 1, 60_000)
    unknown_bound_ms: int = param(30_000, "an order still unknown after this: HALTED, latched", "ms", 1, 600_000)
    not_found_ms: int = param(5_000, "an order not found may still arrive for this long", "ms", 0, 60_000)
    spot_receive_window_ms: int = param(
        3_000, "a spot order later than this is refused by the exchange", "ms", 1, 59_999
    )

    # Modes
    tick_sec: Decimal = param(Decimal(1), "time between ticks", "s", "0.05", 60)
    cooldown_ms: int = param(1_000, "COOLDOWN after a hedged ticket", "ms", 0, 3_600_000)
    cooldown_unwind_ms: int = param(15_000, "COOLDOWN after an unwind", "ms", 0, 3_600_000)
    stop_bound_sec: int = param(20, "how long a stop may take to settle what is open", "s", 1, 600)

    # Guards
    book_stale_ms: int = param(3_000, "a book without news for this long is stale: HALTED", "ms", 50, 600_000)
    books5_silent_ms: int = param(5_000, "books5 silent for this long: books instead", "ms", 50, 600_000)
    private_silent_ms: int = param(
        60_000, "the private stream without a word for this long: stale", "ms", 1_000, 600_000
    )
    reject_streak_max: int = param(5, "refusals in a row before HALTED", "refusals", 1, 1000)
    backoff_ms: int = param(1_000, "quotes pause this long after a rate refusal, doubled each time", "ms", 1, 600_000)
    pause_ms: int = param(60_000, "quotes pause this long after a maintenance refusal", "ms", 1, 3_600_000)
    max_daily_loss: Decimal = param(Decimal(50), "loss since 00:00 UTC above this: HALTED; 0 = off", "quote coin", 0)
    min_liquidation_bps: Decimal = param(Decimal(500), "liquidation nearer than this: HALTED; 0 = off", "bps", 0, 9_000)
    constraints_poll_sec: int = param(3_600, "how often the rules of both legs are read again", "s", 10, 86_400)
    clock_skew_max_ms: int = param(2_000, "largest difference to the exchange's clock", "ms", 1, 25_000)
    clock_jump_max_ms: int = param(30_000, "a gap between events above this: HALTED until reconciled", "ms", 1_000)
    reconcile_sec: int = param(30, "how often fills, orders, position and balances are read by REST", "s", 1, 3600)
    drift_quiet_ms: int = param(3_000, "nothing in flight this long before positions are compared", "ms", 0, 600_000)
    check_bound_sec: int = param(30, "how long the start-up checks may take", "s", 1, 600)

    # Account
    target_pos_mode: str = param("one_way_mode", "the position mode to trade in", choices=tuple(PosMode))
    auto_set_pos_mode: bool = param(False, "change the account's position mode at start if it differs")
    margin_mode: str = param("isolated", "the margin mode the account must have", choices=("isolated", "crossed"))
    perp_tif: str = param(
        "auto", "how time in force is spelled on the perp; auto proves it with one tiny order",
        choices=("auto", "timeInForceValue", "force", "both"),
    )  # fmt: skip
    client_oid_prefix: str = param("mm", "what marks an order as ours; 1 to 4 letters or digits")

    def __attrs_post_init__(self) -> None:
        unhedged_ms = int(self.max_unhedged_sec * 1000)
        if unhedged_ms <= self.hedge_deadline_ms:
            raise ParamError(
                "MAX_UNHEDGED_SEC",
                str(self.max_unhedged_sec),
                f"more than HEDGE_DEADLINE_MS ({self.hedge_deadline_ms} ms)",
            )
        if self.hedge_slip_bps > self.hedge_slip_max_bps:
            raise ParamError(
                "HEDGE_SLIP_BPS", str(self.hedge_slip_bps), f"at most HEDGE_SLIP_MAX_BPS ({self.hedge_slip_max_bps})"
            )
        if self.edge_floor and self.base_half_spread_bps > self.max_half_spread_bps:
            raise ParamError(
                "MAX_HALF_SPREAD_BPS",
                str(self.max_half_spread_bps),
                f"at least BASE_HALF_SPREAD_BPS ({self.base_half_spread_bps})",
            )
        if self.funding_stale_sec <= self.funding_poll_sec:
            raise ParamError(
                "FUNDING_STALE_SEC", self.funding_stale_sec, f"more than FUNDING_POLL_SEC ({self.funding_poll_sec})"
            )
        if not (
            self.client_oid_prefix.isascii() and self.client_oid_prefix.isalnum() and len(self.client_oid_prefix) <= 4
        ):
            raise ParamError("CLIENT_OID_PREFIX", self.client_oid_prefix, "1 to 4 ASCII letters or digits")
        if not (self.symbol.isascii() and self.symbol.isalnum()):
            raise ParamError("SYMBOL", self.symbol, "a name of letters and digits, such as ETHUSDT")

    @property
    def max_unhedged_ms(self) -> int:
        return int(self.max_unhedged_sec * 1000)

    @classmethod
    def from_mapping(cls, texts: Mapping[str, str]) -> Params:
        """Build from text values keyed by field name in capitals; names that are not declared are an error.

        Raises:
            ParamError: an unknown name, or a value that is not usable.
        """
        fields = {field.name.upper(): field for field in attrs.fields(cls)}
        for name in texts:
            if name not in fields:
                raise ParamError(name, texts[name], "no value: there is no such parameter")
        return cls(**{fields[name].name: parse(fields[name], text) for name, text in texts.items()})
