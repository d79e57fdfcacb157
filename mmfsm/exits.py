"""The way out of a held pair, around the Pair machine: what it has gained, what speaks for leaving, what crossing does.

A pair is perp_pos on the perp, side s = +1 long or −1 short, and as much the other way on spot; entry prices are
averages, the accounts' own. All in bps of the perp's mid:

    gross = s · ((perp mid − perp entry) − (spot mid − spot entry)) / mid
    net   = s · ((perp touch − perp entry) − (spot touch − spot entry)) / mid − entry fees − exit fees − slip

`net` is what crossing out now would leave: both legs at the price that takes, the perp's maker and spot's taker fee for
the way in, both taker fees for the way out. Funding received is in neither: it is kept however the pair ends.

take_profit   net  ≥ TAKE_PROFIT_BPS
loss_cut      gross ≤ −LOSS_CUT_BPS
max_age       held for PAIR_MAX_AGE_SEC
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from mmfsm import feeding, guards
from mmfsm.fees import Fees
from mmfsm.machines import pair as machine
from mmfsm.machines.pair import PairInput, PairOut
from mmfsm.params import Params
from mmfsm.rounding import tradable_qty
from mmfsm.state import Turn
from mmfsm.values import BPS, ZERO, InstType, Mode, Side, plain


class ExitPrices(NamedTuple):
    """Both legs' mids, and the prices at which crossing out would trade, in quote coin."""

    perp_mid: Decimal
    spot_mid: Decimal
    perp_touch: Decimal
    spot_touch: Decimal


class Entry(NamedTuple):
    """The average entry prices of a pair's halves, in quote coin."""

    perp_price: Decimal
    spot_price: Decimal


def gross_bps(sign: int, entry: Entry, at: ExitPrices) -> Decimal:
    """Return how the basis has moved for the pair since its entry, at the mids, in bps.

    Short since 2502 with spot bought at 2500; now 2500.5 and 2500: the basis came in by 1.5 of 2500.

    >>> at = ExitPrices(Decimal("2500.5"), Decimal(2500), Decimal("2500.5"), Decimal(2500))
    >>> gross_bps(-1, Entry(Decimal(2502), Decimal(2500)), at).quantize(Decimal("0.01"))
    Decimal('6.00')
    """
    return sign * ((at.perp_mid - entry.perp_price) - (at.spot_mid - entry.spot_price)) / at.perp_mid / BPS


def net_bps(sign: int, entry: Entry, at: ExitPrices, fees: Fees, slip_bps: Decimal) -> Decimal:
    """Return what crossing out now would leave of the pair, all fees paid, in bps.

    Short since 2510 with spot bought at 2500; the perp can be bought at 2500 and spot sold at 2500: 40 bps, less 12 for
    the way in, 16 for the way out and 1 of slip.

    >>> from mmfsm.values import FeeRate
    >>> fees = Fees(FeeRate(Decimal(2), Decimal(6)), FeeRate(Decimal(10), Decimal(10)), Decimal(12))
    >>> at = ExitPrices(*[Decimal(2500)] * 4)
    >>> net_bps(-1, Entry(Decimal(2510), Decimal(2500)), at, fees, Decimal(1))
    Decimal('11')
    """
    moved = sign * ((at.perp_touch - entry.perp_price) - (at.spot_touch - entry.spot_price)) / at.perp_mid / BPS
    return moved - fees.round_bps - fees.perp.taker_bps - fees.spot.taker_bps - slip_bps


def reason_to_leave(params: Params, gross: Decimal | None, net: Decimal | None, held_ms: int) -> str:
    """Say what speaks for leaving, the loss first, or nothing. `gross` and `net` are None when the entry is not known.

    >>> p = Params(pair_max_age_sec=60)
    >>> reason_to_leave(p, Decimal(-60), Decimal(-90), 0), reason_to_leave(p, Decimal(40), Decimal(10), 0)
    ('loss_cut', 'take_profit')
    >>> reason_to_leave(p, Decimal(-59), Decimal(-89), 0), reason_to_leave(p, None, None, 60_000)
    ('', 'max_age')
    """
    if gross is not None and params.loss_cut_bps and gross <= -params.loss_cut_bps:
        return machine.LOSS_CUT
    if net is not None and params.take_profit_bps and net >= params.take_profit_bps:
        return machine.TAKE_PROFIT
    if params.pair_max_age_sec and held_ms >= params.pair_max_age_sec * 1000:
        return machine.MAX_AGE
    return ""


# --- in a desk's turn -------------------------------------------------------------------------------------------------


def entry_of(turn: Turn) -> Entry | None:
    """Return the pair's entry prices, as the accounts have them; None before they have taken up what is held.

    A position that was adopted counts from then, at the mids of that moment: what it gained before is not known. To be
    asked while no ticket is open: the halves belong together then, but for dust.
    """
    perp, spot = turn.s.accounts.perp, turn.s.accounts.spot
    return None if perp.qty * spot.qty >= 0 else Entry(perp.cost / perp.qty, spot.cost / spot.qty)


def prices(turn: Turn) -> ExitPrices | None:
    """Return what the exit is judged at; None without both books."""
    perp, spot = turn.s.books.get(InstType.PERP), turn.s.books.get(InstType.SPOT)
    perp_mid, spot_mid = turn.mid(InstType.PERP), turn.mid(InstType.SPOT)
    if perp is None or spot is None or perp_mid is None or spot_mid is None:
        return None
    short = turn.s.ledger.perp < 0
    perp_touch = perp.asks[0].price if short else perp.bids[0].price
    return ExitPrices(perp_mid, spot_mid, perp_touch, spot.bids[0].price if short else spot.asks[0].price)


def review(turn: Turn) -> None:
    """Once a tick: is a pair held, what speaks for leaving it, and how far has that got. Stale books say nothing."""
    s, econ = turn.s, turn.s.econ
    if not may_quote_exit(turn):
        _tell(turn, "unquoted", PairInput(turn.at_ms))
    at = prices(turn) if feeding.books_fresh(turn) else None
    if not (s.ready and s.books_open) or s.constraints is None or econ.fees is None or at is None:
        return
    if not tradable_qty(abs(s.ledger.perp), at.perp_mid, s.constraints.perp):
        _tell(turn, "gone", PairInput(turn.at_ms))
        return
    pair, p = econ.pair, turn.p
    if s.tickets:
        return  # half a pair: what it has gained is not known yet
    gross = net = None
    sign, entry = 1 if s.ledger.perp > 0 else -1, entry_of(turn)
    if entry is not None:
        gross = gross_bps(sign, entry, at)
        net = net_bps(sign, entry, at, econ.fees, econ.slip.expected_bps(p.expected_slip_bps))
    held_ms = turn.at_ms - pair.since_ms if pair.state != machine.FLAT else 0
    what = PairInput(
        turn.at_ms,
        reason="" if p.exit_policy == "off" else reason_to_leave(p, gross, net, held_ms),
        in_grace=turn.at_ms + s.skew_ms - econ.gate.settled_ms < p.exit_grace_sec * 1000,
        crosses=p.exit_policy == "cross" and not (s.flattening or s.flattened or s.mode.latched),
        cross_after_ms=p.exit_cross_after_sec * 1000,
        is_closing=s.flattening and econ.exiting,
        leaves=p.exit_policy != "off",
        now_sign=sign,
    )
    _tell(turn, "review", what, gross, net)


def may_quote_exit(turn: Turn) -> bool:
    """The side that closes the pair may rest: the desk quotes, and nothing has put that side off. A quote size that is
    too small is a setting, and no reason to wait for it to pass."""
    side = Side.BUY if turn.s.ledger.perp < 0 else Side.SELL
    return turn.s.mode.state == Mode.QUOTING and turn.s.skips.get(side.value, "") in ("", guards.SIZE_TOO_SMALL)


def _tell(turn: Turn, event: str, what: PairInput, gross: Decimal | None = None, net: Decimal | None = None) -> None:
    """Tell the pair's machine, record what changed, and do what it asks."""
    econ = turn.s.econ
    commands: PairOut = []
    before, why = econ.pair.state, econ.pair.why
    turn.fire(machine.TABLE, econ.pair, event, what, commands)
    for command in commands:
        if command == "cross":
            begin_crossing(turn)
        elif command == "turned":
            stop_crossing(turn)
        data = {
            "from": before,
            "to": econ.pair.state,
            "perp": plain(turn.s.ledger.perp),
            "gross_bps": None if gross is None else plain(round(gross, 2)),
            "net_bps": None if net is None else plain(round(net, 2)),
            "held_ms": what.at_ms - econ.pair.since_ms if econ.pair.since_ms else 0,
        }
        turn.record("pair", "risk", econ.pair.why or why or command, data=data)


def begin_crossing(turn: Turn) -> None:
    """Close the perp leg at the touch, the flatten's way; quotes come back when it is done."""
    s = turn.s
    s.flattening, s.closing_tries, s.econ.exiting = True, 0, True
    s.flatten_despite = sorted(reason for reason, latched in s.mode.reasons.items() if latched)


def stop_crossing(turn: Turn) -> None:
    """No more of the pair is crossed out: what is still held is kept, hedged as it is. A person's wish goes on."""
    if turn.s.econ.exiting:
        turn.s.flattening = turn.s.econ.exiting = False


def is_leaving(turn: Turn) -> bool:
    """Only the closing side may be quoted."""
    return turn.s.econ.pair.state == machine.LEAVING and turn.s.ledger.perp != ZERO
