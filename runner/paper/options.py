"""Everything the stand-in exchange can be told, with its defaults."""

from decimal import Decimal
from pathlib import Path
from typing import Literal

import attrs

BookAnswer = Literal["ok", "refused", "silent"]


@attrs.frozen
class Credentials:
    """An API key: the only account of the stand-in exchange."""

    api_key: str = "bg_0123456789abcdef0123456789abcdef"
    secret: str = "5f4dcc3b5aa765d61d8327deb882cf99"
    passphrase: str = "papertrading"


def _fraction(_instance: object, attribute: "attrs.Attribute[Decimal]", value: Decimal) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"'{attribute.name}' must be within 0..1 (got {value})")


@attrs.frozen(kw_only=True)
class PaperOptions:
    """Settings of one exchange. Money in USDT, coin in ETH, times in milliseconds, rates as fractions."""

    # Where it listens. Port 0 takes a free one. Nothing but loopback is meant to reach it.
    host: str = "127.0.0.1"
    port: int = 0
    credentials: Credentials = Credentials()

    # What the market does: a seeded synthetic one, the recorded tape in `tape_dir`, or only what a test sets.
    market: Literal["synthetic", "tape", "scripted"] = "synthetic"
    tape_dir: Path | None = None
    tape_loop: bool = True
    seed: int = 1

    # The account at start.
    spot_eth: Decimal = Decimal("0.5")
    spot_usdt: Decimal = Decimal("5000")
    perp_usdt: Decimal = Decimal("5000")
    position_mode: Literal["one_way_mode", "hedge_mode"] = "one_way_mode"
    margin_mode: Literal["isolated", "crossed"] = "isolated"
    leverage: int = attrs.field(default=10, validator=[attrs.validators.ge(1), attrs.validators.le(150)])

    # Fees. The symbols page lists 0.002 for spot; what a VIP0 account is charged is 0.001.
    perp_maker_fee: Decimal = Decimal("0.0002")
    perp_taker_fee: Decimal = Decimal("0.0006")
    spot_maker_fee: Decimal = Decimal("0.001")
    spot_taker_fee: Decimal = Decimal("0.001")

    # Funding, settled on multiples of the interval since 1970 (00:00, 08:00, 16:00 UTC for 8 h).
    funding_rate: Decimal = Decimal("0.0001")
    funding_interval_h: int = attrs.field(default=8, validator=attrs.validators.in_((1, 2, 4, 8)))

    # Which member of a perp order carries its time in force. Documented: `force` alone, unknown members ignored.
    perp_tif_field: Literal["force", "timeInForceValue", "both"] = "force"

    # Share of the displayed quantity that is ahead of an order of ours when it arrives: 1 = last in the queue
    # (pessimistic), 0 = first (optimistic).
    queue_ahead: Decimal = attrs.field(default=Decimal(1), validator=_fraction)
    # Whether resting orders of ours appear in the public books, as they do on the exchange.
    show_own_orders: bool = True

    # Account and product conditions a client must survive.
    unified_account: bool = False
    constraints: Literal["ok", "missing"] = "ok"
    books5_perp: BookAnswer = "ok"
    books5_spot: BookAnswer = "ok"
    # orders-pending without `status`: the page says live orders only; "open" adds partially filled ones.
    pending_without_status: Literal["live", "open"] = "live"

    # The line. Latency is one way and delays answers and pushes; order within one socket is kept.
    latency_ms: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    jitter_ms: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    # Orders that end (or fill) at once: documented as `live` and then their end; seen live also as the end alone.
    single_terminal_push: bool = False
    private_pushes: int = attrs.field(default=1, validator=attrs.validators.in_((1, 2)))
    rate_limits: bool = True
    clock_window_ms: int = 30_000
    # WebSocket: no text ping for this long disconnects; every socket is cut after its life.
    ping_bound_ms: int = 120_000
    socket_life_ms: int = 24 * 3_600_000
    # Unchanged books are pushed again at the channel's own pace once this long has passed since the last push.
    repeat_unchanged_ms: int = 0

    def books5(self, product: str) -> BookAnswer:
        """Return what a books5 subscription of `product` meets."""
        return self.books5_perp if product == "perp" else self.books5_spot
