"""Judging what needs a key: the key itself, the account's settings, what it holds, and what it left lying about."""

from __future__ import annotations

from decimal import Decimal

from mmfsm import events as ev
from mmfsm.guards import HEDGE_MARGIN, liquidation_distance_bps, margin_qty
from mmfsm.orders import is_ours
from mmfsm.values import BPS, ZERO, Constraints, InstType, OrderReport, plain
from runner.advice import advice_for
from runner.bitget.wire_key import KeyRights
from runner.check.items import Item, fail, judged, ok, unread, warn
from runner.check.look import Account
from runner.check.place import Known
from runner.settings import Settings

UNIFIED = "40085"
NO_KEY = "No key is set, so nothing of the account was read. A dry run needs none; DRY_RUN=0 does."


def key_and_type(account: Account | None) -> list[Item]:
    """Whether the key is taken, for what kind of account, and what it may do."""
    if account is None:
        return [warn("key", "key", "none is set", NO_KEY)]
    refusal = account.refusal
    if refusal is None:
        return [
            ok("key", "key", "accepted"),
            ok("account_type", "account type", "classic, which this API serves"),
            permissions(account.rights),
        ]
    if refusal.result.code == UNIFIED:
        return [unread("account_type", "account type", refusal)]  # told before the key is looked at
    return [unread("key", "key", refusal)]


def permissions(rights: KeyRights | object) -> Item:
    """What the exchange says the key may do."""
    key, label = "permissions", "permissions"
    if not isinstance(rights, KeyRights) or not rights.is_readable:
        advice = "Look in the app: the key needs reading and trading on futures and spot, and must not withdraw."
        return warn(key, label, "the exchange does not tell them", advice)
    where = f"from {len(rights.addresses)} addresses alone" if rights.addresses else "from any address"
    detail = f"{' '.join(rights.codes)}; {where}"
    missing = [leg for leg, may in (("futures", rights.trades_perp), ("spot", rights.trades_spot)) if not may]
    if missing:
        advice = f"The key may not trade on {' and '.join(missing)}: give it that permission."
        return fail(key, label, detail, advice, codes=list(rights.codes))
    if rights.withdraws:
        advice = "The key may withdraw, which a bot never needs: make one that may not."
        return warn(key, label, f"{detail}; it may withdraw", advice, codes=list(rights.codes))
    return ok(key, label, detail, codes=list(rights.codes))


def modes(account: Account, s: Settings) -> list[Item]:
    """Position mode, margin mode and leverage."""
    told = account.modes
    if isinstance(told, ev.CheckFailed):
        return [unread("position_mode", "position and margin mode", told)]
    mode, margin = f"{told.pos_mode}, wanted {s.target_pos_mode}", f"{told.margin_mode}, wanted {s.margin_mode}"
    if told.pos_mode.value != s.target_pos_mode and s.auto_set_pos_mode:
        advice = "Set it in the app while nothing is open; a start with AUTO_SET_POS_MODE=1 does so itself."
        first = fail("position_mode", "position mode", mode, advice)
    else:
        fits = told.pos_mode.value == s.target_pos_mode
        first = judged(fits, "position_mode", "position mode", mode, "position_mode")
    fits = told.margin_mode == s.margin_mode
    return [first, judged(fits, "margin_mode", "margin mode", margin, "margin_mode"), leverage(told, s)]


def leverage(told: ev.AccountRead, s: Settings) -> Item:
    """Leverage, against the guard that halts when liquidation is near."""
    key, label = "leverage", "leverage"
    if told.leverage is None or told.leverage <= 0:
        return warn(key, label, "not told", "Look in the app; margin is not counted when sizes are chosen.")
    room_bps = 1 / told.leverage / BPS
    detail = f"{plain(told.leverage)}x"
    if told.margin_mode == "isolated" and s.min_liquidation_bps and room_bps <= s.min_liquidation_bps:
        advice = (
            f"A position would be liquidated some {room_bps:.0f} bps away, nearer than MIN_LIQUIDATION_BPS"
            f" ({plain(s.min_liquidation_bps)}): the first fill would halt the run. Lower the leverage in the app."
        )
        return fail(key, label, detail, advice, leverage=plain(told.leverage))
    return ok(key, label, detail, leverage=plain(told.leverage))


def money(account: Account, s: Settings, rules: Constraints, price: Decimal, size: Decimal) -> list[Item]:
    """What the balances of both legs cover, counted in quotes of the size that is set."""
    if isinstance(account.balances, ev.CheckFailed):
        return [unread("balances", "balances", account.balances)]
    spot = {it.coin: it for it in account.balances if it.account is InstType.SPOT}
    margin = next((it for it in account.balances if it.account is InstType.PERP), None)
    coin, cash = spot.get(rules.spot.base_coin), spot.get(rules.spot.quote_coin)
    items = _hedges(coin, cash, s, rules, price, size)
    free = ZERO if margin is None else margin.available
    lever = account.modes.leverage if isinstance(account.modes, ev.AccountRead) else None
    carried = margin_qty(free, lever, price)
    detail = f"{plain(free)} {rules.perp.quote_coin} free"
    if carried is None:
        return [*items, warn("margin", "perp margin", detail, "Its reach is not known without the leverage.")]
    detail += f", carries {carried:.4f} {rules.perp.base_coin}; MAX_POSITION {plain(s.max_position)}"
    if carried < size:
        return [*items, fail("margin", "perp margin", detail, "Move USDT to the futures account: no quote is carried.")]
    if carried < s.max_position:
        advice = "Quotes stop before MAX_POSITION: move USDT to the futures account, or set it lower."
        return [*items, warn("margin", "perp margin", detail, advice)]
    return [*items, ok("margin", "perp margin", detail)]


def _hedges(
    coin: ev.BalanceEvent | None,
    cash: ev.BalanceEvent | None,
    s: Settings,
    rules: Constraints,
    price: Decimal,
    size: Decimal,
) -> list[Item]:
    """How many hedges of each side spot covers: selling coin above the baseline for bids, spending cash for asks."""
    held, stock = (ZERO, ZERO) if coin is None else (coin.total, coin.available)
    free = max(stock - s.spot_baseline, ZERO)
    spend = ZERO if cash is None else cash.available
    bids, asks = int(free / size), int(spend / (price * HEDGE_MARGIN) / size)
    base, quote = rules.spot.base_coin, rules.spot.quote_coin
    above = f" above SPOT_BASELINE {plain(s.spot_baseline)}" if s.spot_baseline else ""
    first = _side("hedges_of_bids", f"{plain(free)} {base}{above}", bids, asks, f"{plain(size)} {base}", base)
    if s.spot_baseline > held:
        advice = f"SPOT_BASELINE is more than the {plain(held)} {base} on spot: set it lower, or move coin there."
        first = fail(first.key, first.label, first.detail, advice, hedges=0)
    return [first, _side("hedges_of_asks", f"{plain(spend)} {quote}", asks, bids, f"{plain(size)} {base}", quote)]


def _side(key: str, holds: str, count: int, of_the_other: int, one: str, coin: str) -> Item:
    label, detail = key.replace("_", " "), f"{holds} covers {count} of {one}"
    if count:
        return ok(key, label, detail, hedges=count)
    if of_the_other:
        return warn(key, label, detail, f"This side stays off. Hold {coin} on spot to quote both.", hedges=0)
    return fail(key, label, detail, f"Neither side could be hedged: hold {coin} on spot.", hedges=0)


def position(account: Account, s: Settings, known: Known, mark: Decimal | None) -> Item:
    """A position must be flat, adopted, or what the journal of this account and symbol knows."""
    key, label, told = "position", "perp position", account.position
    if isinstance(told, ev.CheckFailed):
        return unread(key, label, told)
    detail = f"{plain(told.qty)} on the perp, {plain(known.perp)} by the journal, {known.tickets} tickets open"
    explained = told.qty in (known.perp, ZERO) or known.tickets or s.adopt_position
    if not explained:
        return fail(key, label, detail, advice_for("position_found"), qty=plain(told.qty))
    away = liquidation_distance_bps(told.liquidation_price, mark)
    if told.qty and away is not None and s.min_liquidation_bps and away < s.min_liquidation_bps:
        advice = "The guard halts at MIN_LIQUIDATION_BPS: add margin, or close part of it."
        return warn(key, label, f"{detail}; liquidation {away:.0f} bps away", advice, qty=plain(told.qty))
    return ok(key, label, detail, qty=plain(told.qty))


def orders(account: Account, s: Settings, runs_here: bool) -> Item:
    """What is open: a run's quotes, what a dead one left, or somebody else's."""
    key, label = "open_orders", "open orders"
    found: list[OrderReport] = []
    for answer in account.orders.values():
        if isinstance(answer, ev.CheckFailed):
            return unread(key, label, answer)
        found += answer.orders
    ours = [order for order in found if is_ours(order.client_oid, s.client_oid_prefix)]
    detail = f"{len(ours)} of ours, {len(found) - len(ours)} of others"
    if ours and not runs_here:
        advice = "No run here guards ours. The next start cancels them first; a bot elsewhere may own them."
        return warn(key, label, detail, advice, ours=[order.client_oid for order in ours])
    if len(found) > len(ours):
        advice = "Orders of others on this symbol move its position: the bot would take their fills for drift."
        return warn(key, label, detail, advice)
    return ok(key, label, detail)
