"""What the check reads by REST: everything a start reads, each reading by itself, so that one failure hides no other.

Reads alone: the gateway is opened with a dry run's settings, under which no request that changes anything leaves.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

import attrs

from mmfsm import actions as do
from mmfsm import events as ev
from mmfsm.clock import now_ms
from mmfsm.values import InstType, OrderResult
from runner.bitget.gateway import Gateway
from runner.bitget.wire_key import KeyRights
from runner.settings import Settings

T = TypeVar("T")


@attrs.frozen
class Account:
    """What needs a key. Each is its answer or the failure to read it."""

    modes: ev.AccountRead | ev.CheckFailed
    rights: KeyRights | OrderResult
    orders: dict[InstType, ev.OpenOrdersRead | ev.CheckFailed]
    position: ev.PositionEvent | ev.CheckFailed
    balances: list[ev.BalanceEvent] | ev.CheckFailed

    @property
    def refusal(self) -> ev.CheckFailed | None:
        """The failure when not one reading of the account came back: then it is the key's or the account's affair."""
        answers = [self.modes, self.position, self.balances, *self.orders.values()]
        failed = [it for it in answers if isinstance(it, ev.CheckFailed)]
        return failed[0] if len(failed) == len(answers) else None


@attrs.frozen
class Look:
    """All readings of one look. `account` is None without a key."""

    time: ev.ServerTimeRead | ev.CheckFailed
    took_ms: int
    rules: ev.ConstraintsRead | ev.CheckFailed
    fees: ev.FeesRead
    funding: ev.FundingEvent | ev.CheckFailed
    account: Account | None


async def look(settings: Settings) -> Look:
    """Read everything once. Never raises for the network or the exchange; each reading has its own bound."""
    gateway = Gateway(attrs.evolve(settings, dry_run=True), _task_ended)
    await gateway.open()
    try:
        began_ms = now_ms()
        time = _one(await gateway.execute(do.QueryServerTime()), ev.ServerTimeRead)
        took_ms = now_ms() - began_ms
        rules, fees, funding, account = await asyncio.gather(
            gateway.load_constraints(),
            gateway.get_trade_rates(),
            gateway.get_funding_rate(),
            _account(gateway) if settings.has_keys else _none(),
        )
        return Look(time, took_ms, rules, fees, funding, account)
    finally:
        await gateway.close()


async def _none() -> None:
    return None


async def _account(gateway: Gateway) -> Account:
    reads: tuple[do.Action, ...] = (
        do.QueryPosition(),
        do.QueryBalance(),
        *(do.QueryOpenOrders(inst) for inst in InstType),
    )
    modes, rights, (position, balances, *orders) = await asyncio.gather(
        gateway.get_pos_mode(), gateway.get_key_rights(), asyncio.gather(*(gateway.execute(it) for it in reads))
    )
    return Account(
        modes=modes,
        rights=rights,
        orders={inst: _one(told, ev.OpenOrdersRead) for inst, told in zip(InstType, orders, strict=True)},
        position=_one(position, ev.PositionEvent),
        balances=_all(balances, ev.BalanceEvent),
    )


def _one(told: tuple[ev.Event, ...], kind: type[T]) -> T | ev.CheckFailed:
    (event,) = told
    assert isinstance(event, (kind, ev.CheckFailed))
    return event


def _all(told: tuple[ev.Event, ...], kind: type[T]) -> list[T] | ev.CheckFailed:
    failed = [event for event in told if isinstance(event, ev.CheckFailed)]
    return failed[0] if failed else [event for event in told if isinstance(event, kind)]


def _task_ended(_name: str, _error: BaseException | None) -> None:
    """The only task is the one that keeps a connection warm; a look needs none."""
