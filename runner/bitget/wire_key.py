"""What Bitget tells of the API key: its permissions and the addresses it is bound to (Get Account Information)."""

from __future__ import annotations

import attrs

from runner.bitget.members import as_row

_PERP, _SPOT, _WITHDRAW = "coow", "stow", "wwow"
_READ = ("coor", "stor", "readonly")
_TRADE_ALL = "trade"  # the page's example has this older word, its table the codes


@attrs.frozen
class KeyRights:
    """What a key may do. `codes` are Bitget's own words, `addresses` those it may be used from (empty: any)."""

    codes: tuple[str, ...]
    addresses: tuple[str, ...] = ()

    @property
    def is_readable(self) -> bool:
        """False when none of the words is known: then nothing can be said."""
        return any(code in (_PERP, _SPOT, _WITHDRAW, _TRADE_ALL, *_READ) for code in self.codes)

    @property
    def trades_perp(self) -> bool:
        return _PERP in self.codes or _TRADE_ALL in self.codes

    @property
    def trades_spot(self) -> bool:
        return _SPOT in self.codes or _TRADE_ALL in self.codes

    @property
    def withdraws(self) -> bool:
        return _WITHDRAW in self.codes


def read_key_rights(data: object) -> KeyRights:
    """Read the answer; what is not there counts as not told.

    Raises:
        WireError: it is no object.
    """
    row = as_row(data, "account info")
    told, ips = row.get("authorities"), row.get("ips")
    codes = tuple(str(code).lower() for code in told) if isinstance(told, list) else ()
    addresses = tuple(part.strip() for part in str(ips or "").split(",") if part.strip())
    return KeyRights(codes, addresses)
