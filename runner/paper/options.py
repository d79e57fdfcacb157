"""Everything the stand-in exchange can be told, with its defaults."""

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import attrs

from runner.paper.fault_rules import FaultRule

BookAnswer = Literal["ok", "refused", "silent"]
DEFAULT_ACCOUNT = "default"
AUTHORITIES = ("coor", "coow", "cpor", "cpow", "stor", "stow")
"""What a key may do unless told otherwise, in Bitget's words: read and write on futures and on spot."""


@attrs.frozen
class Credentials:
    """An API key. The default is the key of the default account."""

    api_key: str = "bg_0123456789abcdef0123456789abcdef"
    secret: str = "5f4dcc3b5aa765d61d8327deb882cf99"
    passphrase: str = "papertrading"


@attrs.frozen(kw_only=True)
class Account:
    """One account of the exchange and what it starts with. Money in USDT, coin in ETH."""

    name: str
    credentials: Credentials
    spot_eth: Decimal = Decimal("0.5")
    spot_usdt: Decimal = Decimal("5000")
    perp_usdt: Decimal = Decimal("5000")
    position_mode: Literal["one_way_mode", "hedge_mode"] = "one_way_mode"
    margin_mode: Literal["isolated", "crossed"] = "isolated"
    leverage: int = attrs.field(default=10, validator=[attrs.validators.ge(1), attrs.validators.le(150)])
    authorities: tuple[str, ...] = AUTHORITIES
    ips: str = ""

    @classmethod
    def named(cls, name: str, **start: Any) -> "Account":
        """Return an account whose key follows from its name, the same in every run."""
        key, secret = (hashlib.sha256(f"{what} {name}".encode()).hexdigest()[:32] for what in ("key", "secret"))
        return cls(name=name, credentials=Credentials(f"bg_{key}", secret, "papertrading"), **start)


@attrs.frozen(kw_only=True)
class Listing:
    """A symbol that is listed beside the one that trades (see `listings`). Prices and money in USDT, sizes in coin.

    `perp` and `spot` are best bid and best ask; None: that leg is not listed. `turnover` is each leg's, of 24 h.
    """

    symbol: str
    perp: tuple[Decimal, Decimal] | None
    spot: tuple[Decimal, Decimal] | None
    perp_qty: Decimal = Decimal(1000)
    spot_qty: Decimal = Decimal(1000)
    price_places: int = 4
    perp_step: Decimal = Decimal(1)
    perp_min_usdt: Decimal = Decimal(5)
    perp_status: str = "normal"
    spot_places: int = 2
    spot_min_usdt: Decimal = Decimal(1)
    funding_rate: Decimal = Decimal("0.0001")
    turnover: Decimal = Decimal(1_000_000)

    def touch(self, product: str) -> tuple[Decimal, Decimal] | None:
        """Return best bid and best ask of a leg."""
        return self.perp if product == "perp" else self.spot

    def qty(self, product: str) -> Decimal:
        """Return what each level of a leg's book shows."""
        return self.perp_qty if product == "perp" else self.spot_qty


def _distinct(_instance: object, _attribute: object, value: "tuple[Account, ...]") -> None:
    names = [DEFAULT_ACCOUNT, *(one.name for one in value)]
    keys = [one.credentials.api_key for one in value]
    if len(set(names)) < len(names) or len(set(keys)) < len(keys):
        raise ValueError(f"'accounts' must have distinct names and keys, none named {DEFAULT_ACCOUNT!r} (got {names})")


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

    # What the market does: a seeded synthetic one, the recorded tape in `tape_dir`, blocks of that tape drawn from the
    # seed (endless), or only what a test sets.
    market: Literal["synthetic", "tape", "resampled", "scripted"] = "synthetic"
    tape_dir: Path | None = None
    tape_loop: bool = True
    # Share of the recorded sizes that is shown and traded (the recorded market is thicker than Bitget's).
    tape_thin: Decimal = attrs.field(default=Decimal(1), validator=[_fraction, attrs.validators.gt(Decimal(0))])
    # Lengths of resampled blocks, shortest and longest, in seconds.
    block_s: tuple[int, int] = (10, 30)
    seed: int = 1

    # The account at start.
    spot_eth: Decimal = Decimal("0.5")
    spot_usdt: Decimal = Decimal("5000")
    perp_usdt: Decimal = Decimal("5000")
    position_mode: Literal["one_way_mode", "hedge_mode"] = "one_way_mode"
    margin_mode: Literal["isolated", "crossed"] = "isolated"
    leverage: int = attrs.field(default=10, validator=[attrs.validators.ge(1), attrs.validators.le(150)])

    # What the key may do (`wwow`: withdraw) and the addresses it is bound to, comma-separated. Told, not enforced.
    authorities: tuple[str, ...] = AUTHORITIES
    ips: str = ""

    # More accounts beside the default one, each with a key of its own; all trade on the same books.
    accounts: tuple[Account, ...] = attrs.field(default=(), validator=_distinct)

    # More symbols in the public lists and books, to look at alone: nothing but ETHUSDT trades.
    listings: tuple[Listing, ...] = ()

    # Fees. The symbols page lists 0.002 for spot; what a VIP0 account is charged is 0.001.
    perp_maker_fee: Decimal = Decimal("0.0002")
    perp_taker_fee: Decimal = Decimal("0.0006")
    spot_maker_fee: Decimal = Decimal("0.001")
    spot_taker_fee: Decimal = Decimal("0.001")

    # Funding, settled on multiples of the interval since 1970 (00:00, 08:00, 16:00 UTC for 8 h).
    funding_rate: Decimal = Decimal("0.0001")
    funding_interval_h: int = attrs.field(default=8, validator=attrs.validators.in_((1, 2, 4, 8)))

    # Mark price: the middle of the perp's book, or Bitget's median of three prices (see `mark`).
    mark_price: Literal["mid", "median"] = "mid"

    # Which member of a perp order carries its time in force. Documented: `force` alone, unknown members ignored.
    perp_tif_field: Literal["force", "timeInForceValue", "both"] = "force"

    # Share of the displayed quantity that is ahead of an order of ours when it arrives: 1 = last in the queue
    # (pessimistic), 0 = first (optimistic).
    queue_ahead: Decimal = attrs.field(default=Decimal(1), validator=_fraction)
    # Whether resting orders of ours appear in the public books, as they do on the exchange.
    show_own_orders: bool = True

    # Account and product conditions a client must survive.
    unified_account: bool = False
    # How long after their answer cancel-symbol-order and modify-order take effect: documented as asynchronous.
    async_ms: int = attrs.field(default=20, validator=attrs.validators.ge(0))
    # A hedge-mode order without tradeSide: recorded as refused (40774), documented as opening a position.
    hedge_without_trade_side: Literal["refused", "opens"] = "refused"
    # Orders over the private socket (op `trade`): Bitget grants them on application.
    ws_orders: bool = False
    # Demo trading: the key is a demo key (REST wants `paptrading: 1`), the sockets are those of the demo hosts.
    demo_key: bool = False
    demo_sockets: bool = False
    constraints: Literal["ok", "missing"] = "ok"
    books5_perp: BookAnswer = "ok"
    books5_spot: BookAnswer = "ok"
    # orders-pending without `status`: the page says live orders only; "open" adds partially filled ones.
    pending_without_status: Literal["live", "open"] = "live"

    # HTTP status of a refusal: 400 nearly always, 200 with the same body now and then. 429 stays what it is.
    refusal_status: Literal[400, 200] = 400

    # The line. Latency is one way and delays answers and pushes; order within one socket is kept.
    latency_ms: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    jitter_ms: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    # Orders that end (or fill) at once: documented as `live` and then their end; seen live also as the end alone.
    single_terminal_push: bool = False
    # A push of the fill channel has one fill, as in the recordings, or all that leave at the same moment: the page of
    # spot's channel shows two of one order.
    fills_together: bool = False
    private_pushes: int = attrs.field(default=1, validator=attrs.validators.in_((1, 2)))
    rate_limits: bool = True
    clock_window_ms: int = 30_000
    # WebSocket: no text ping for this long disconnects; every socket is cut after its life.
    ping_bound_ms: int = 120_000
    socket_life_ms: int = 24 * 3_600_000
    # Messages queued for a client that does not read; one more and it is disconnected.
    outbox_max: int = attrs.field(default=10_000, validator=attrs.validators.ge(1))
    # What an account remembers: orders (open ones always) and fills, 1.5 kB each with what hangs on it.
    orders_kept_max: int = attrs.field(default=20_000, validator=attrs.validators.ge(1))
    fills_kept_max: int = attrs.field(default=20_000, validator=attrs.validators.ge(1))
    # How many times slower than Bitget's the tickers are, for long simulated runs.
    ticker_slower: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    # Unchanged books are pushed again at the channel's own pace once this long has passed since the last push.
    repeat_unchanged_ms: int = 0

    # What misbehaves, drawn from the seed: a profile.
    faults: tuple[FaultRule, ...] = ()

    @property
    def default_account(self) -> Account:
        """The account of `credentials`, named "default"."""
        return Account(
            name=DEFAULT_ACCOUNT,
            credentials=self.credentials,
            spot_eth=self.spot_eth,
            spot_usdt=self.spot_usdt,
            perp_usdt=self.perp_usdt,
            position_mode=self.position_mode,
            margin_mode=self.margin_mode,
            leverage=self.leverage,
            authorities=self.authorities,
            ips=self.ips,
        )

    def account_of(self, api_key: str) -> Account:
        """Return the account a key belongs to; the default one for a key nobody has (its check will fail)."""
        return next((one for one in self.accounts if one.credentials.api_key == api_key), self.default_account)

    def books5(self, product: str) -> BookAnswer:
        """Return what a books5 subscription of `product` meets."""
        return self.books5_perp if product == "perp" else self.books5_spot
