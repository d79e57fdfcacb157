"""What an answer of Bitget means: one table from code to outcome, and the few rules for answers without a listed code.

How an answer is judged, first match wins:
1. no answer at all, HTTP 5xx, 3xx or 408, or a body that is no Bitget envelope: UNKNOWN, it may have happened.
2. HTTP 429: BUSY.
3. a row of the table for this kind of request; else a row for every kind.
4. any other code: REFUSED. Bitget answered with a business error, so nothing was accepted, and the words are kept.

Match on the code alone: messages are translated by the `locale` header and reworded without notice. Sources: the error
code pages of Bitget's futures and spot documents, ccxt, hummingbot and JKorf's error tables, and recorded live answers.
"""

from __future__ import annotations

from enum import StrEnum

import attrs

from mmfsm.values import Outcome
from runner.bitget.wire import SUCCESS


class Kind(StrEnum):
    """Kinds of request whose answers mean different things under the same code."""

    PLACE = "place"
    CANCEL = "cancel"
    QUERY = "query"
    ACCOUNT = "account"


@attrs.frozen
class CodeRow:
    """One row: the code, what it means, why, and for which kinds (none named: for all)."""

    code: str
    outcome: Outcome
    note: str
    kinds: tuple[Kind, ...] = ()


P, C, Q, A = Kind.PLACE, Kind.CANCEL, Kind.QUERY, Kind.ACCOUNT
_ROW = CodeRow

TABLE: tuple[CodeRow, ...] = (
    # Keys, account and position mode: no request of this run will ever succeed.
    _ROW("40001", Outcome.FATAL, "no key sent"),
    _ROW("40002", Outcome.FATAL, "no signature sent"),
    _ROW("40003", Outcome.FATAL, "no signature sent"),
    _ROW("40006", Outcome.FATAL, "the key is not valid"),
    _ROW("40009", Outcome.FATAL, "the signature is wrong: the secret does not belong to the key"),
    _ROW("40011", Outcome.FATAL, "no passphrase sent"),
    _ROW("40012", Outcome.FATAL, "key or passphrase is wrong"),
    _ROW("40014", Outcome.FATAL, "the key may not do this: give it trading permission"),
    _ROW("40018", Outcome.FATAL, "this machine's IP is not allowed"),
    _ROW("40037", Outcome.FATAL, "the key does not exist"),
    _ROW("40038", Outcome.FATAL, "this machine's IP is not in the key's list"),
    _ROW("40099", Outcome.FATAL, "a live key on demo trading, or the other way round"),
    _ROW("40085", Outcome.FATAL, "a unified account: this API serves classic accounts alone"),
    _ROW("40084", Outcome.FATAL, "a classic account on the unified API"),
    _ROW("25245", Outcome.FATAL, "not a unified account"),
    _ROW("30032", Outcome.FATAL, "the V1 API is gone"),
    _ROW("40774", Outcome.FATAL, "the order is shaped for the other position mode"),
    # It may have happened.
    _ROW("40010", Outcome.UNKNOWN, "Bitget's own timeout"),
    _ROW("40015", Outcome.UNKNOWN, "system abnormal: seen in release windows"),
    _ROW("40725", Outcome.UNKNOWN, "service error: seen in release windows"),
    _ROW("45001", Outcome.UNKNOWN, "unknown error: seen in release windows"),
    _ROW("40808", Outcome.UNKNOWN, "no price or size to refuse, so a release window: asked again", (C, Q, A)),
    _ROW("40786", Outcome.UNKNOWN, "this clientOid is pending: an order of ours exists, ask for it", (P,)),
    _ROW("43118", Outcome.UNKNOWN, "this clientOid is pending: an order of ours exists, ask for it", (P,)),
    _ROW("45034", Outcome.UNKNOWN, "this clientOid is pending: an order of ours exists, ask for it", (P,)),
    _ROW("50060", Outcome.UNKNOWN, "this clientOid is pending: an order of ours exists, ask for it", (P,)),
    _ROW("40708", Outcome.UNKNOWN, "this clientOid is pending: an order of ours exists, ask for it", (P,)),
    # Not now: nothing happened.
    _ROW("429", Outcome.BUSY, "too many requests"),
    _ROW("45129", Outcome.BUSY, "one order may be cancelled once a second"),
    _ROW("45043", Outcome.PAUSED, "suspended for settlement or maintenance"),
    _ROW("40844", Outcome.PAUSED, "the contract is under maintenance"),
    _ROW("41114", Outcome.PAUSED, "the pair is under maintenance"),
    # The order is gone: benign, its true end is asked for.
    _ROW("43001", Outcome.GONE, "no such order", (C, Q)),
    _ROW("40768", Outcome.GONE, "no such order", (C, Q)),
    _ROW("40109", Outcome.GONE, "no such order (futures Get Order Details)", (C, Q)),
    _ROW("40819", Outcome.GONE, "no such order", (C, Q)),
    _ROW("43025", Outcome.GONE, "no such plan order", (C, Q)),
    _ROW("43020", Outcome.GONE, "no such plan order", (C, Q)),
    _ROW("43033", Outcome.GONE, "no such plan order", (C, Q)),
    _ROW("45057", Outcome.GONE, "no such order", (C, Q)),
    _ROW("80011", Outcome.GONE, "no such order", (C, Q)),
    _ROW("31007", Outcome.GONE, "no such order", (C, Q)),
    _ROW("22001", Outcome.GONE, "nothing to cancel: a failure that means success", (C, Q)),
    _ROW("43004", Outcome.GONE, "nothing to cancel", (C, Q)),
    _ROW("45055", Outcome.GONE, "its status cannot be cancelled: it ended first", (C, Q)),
    _ROW("50062", Outcome.GONE, "cancelled or filled already", (C, Q)),
    # Less position than the order would close: an answer, no proof.
    _ROW("22002", Outcome.FLAT, "no position to close", (P,)),
    _ROW("40757", Outcome.FLAT, "not enough position", (P,)),
    _ROW("40755", Outcome.FLAT, "not enough open position", (P,)),
    _ROW("40804", Outcome.FLAT, "more than the position", (P,)),
    _ROW("45003", Outcome.FLAT, "not enough position", (P,)),
    _ROW("45005", Outcome.FLAT, "not enough position", (P,)),
    _ROW("45006", Outcome.FLAT, "not enough position", (P,)),
    # No money for this leg.
    _ROW("43012", Outcome.REFUSED_LEG, "insufficient balance (spot)", (P,)),
    _ROW("40754", Outcome.REFUSED_LEG, "balance not enough", (P,)),
    _ROW("40762", Outcome.REFUSED_LEG, "more than the balance or the largest open size (futures)", (P,)),
    _ROW("40798", Outcome.REFUSED_LEG, "insufficient contract balance", (P,)),
    _ROW("45002", Outcome.REFUSED_LEG, "insufficient asset", (P,)),
    # Final for this order.
    _ROW("40005", Outcome.REFUSED, "timestamp is no number"),
    # Orders are tried again, in case the clock is set meanwhile; of a reading, a person is told to set it.
    _ROW("40008", Outcome.BUSY, "timestamp expired: our clock and Bitget's are some 30 s apart", (P, C)),
    _ROW("40008", Outcome.FATAL, "timestamp expired: our clock and Bitget's are some 30 s apart", (Q, A)),
    _ROW("40078", Outcome.BUSY, "outside its receiveWindow: it came too late and was not taken"),
    _ROW("40079", Outcome.REFUSED, "receiveWindow is 60 s or more"),
    _ROW("40017", Outcome.REFUSED, "a parameter failed verification"),
    _ROW("400172", Outcome.REFUSED, "a parameter failed verification"),
    _ROW("40019", Outcome.REFUSED, "a parameter is empty"),
    _ROW("40020", Outcome.REFUSED, "a parameter is wrong"),
    _ROW("40034", Outcome.REFUSED, "no such symbol or parameter"),
    _ROW("41101", Outcome.REFUSED, "a malformed id"),
    _ROW("40808", Outcome.REFUSED_GRID, "too many decimals (also in release windows): failed before the book", (P,)),
    _ROW("41103", Outcome.REFUSED_GRID, "price has too many decimals"),
    _ROW("45115", Outcome.REFUSED_GRID, "price is no multiple of the tick"),
    _ROW("45035", Outcome.REFUSED_GRID, "price is no multiple of the tick"),
    _ROW("43028", Outcome.REFUSED_GRID, "price is no multiple of the tick"),
    _ROW("40787", Outcome.REFUSED_GRID, "price is no multiple of the tick"),
    _ROW("43011", Outcome.REFUSED, "a spot parameter is out of specification"),
    _ROW("43111", Outcome.REFUSED, "a spot parameter is wrong"),
    _ROW("40304", Outcome.REFUSED, "clientOid has a character or length that is not allowed"),
    _ROW("40305", Outcome.REFUSED, "clientOid has a character or length that is not allowed"),
    _ROW("40306", Outcome.REFUSED, "too many orders in a batch"),
    _ROW("45110", Outcome.REFUSED_GRID, "less than the smallest notional"),
    _ROW("45111", Outcome.REFUSED_GRID, "less than the smallest quantity"),
    _ROW("43006", Outcome.REFUSED_GRID, "less than the smallest quantity"),
    _ROW("43027", Outcome.REFUSED_GRID, "less than the smallest notional"),
    _ROW("43010", Outcome.REFUSED_GRID, "less than the smallest amount"),
    _ROW("45112", Outcome.REFUSED, "more than the largest quantity"),
    _ROW("45113", Outcome.REFUSED, "more than the largest notional"),
    _ROW("43007", Outcome.REFUSED, "more than the largest quantity"),
    _ROW("43008", Outcome.REFUSED, "price below the band"),
    _ROW("43009", Outcome.REFUSED, "price above the band"),
    _ROW("40815", Outcome.REFUSED, "price above the band"),
    _ROW("40816", Outcome.REFUSED, "price below the band"),
    _ROW("41117", Outcome.REFUSED, "price outside the band (spot)"),
    _ROW("43039", Outcome.REFUSED, "price outside the band"),
    _ROW("43040", Outcome.REFUSED, "price outside the band"),
    _ROW("40761", Outcome.REFUSED, "too many open orders"),
    _ROW("43005", Outcome.REFUSED, "too many open orders"),
    _ROW("45118", Outcome.REFUSED, "too many open orders"),
    _ROW("45109", Outcome.REFUSED, "the account is in hedge mode", (A,)),
    _ROW("40920", Outcome.REFUSED, "a position or an order is open: the position mode cannot change", (A,)),
    _ROW("45117", Outcome.REFUSED, "a position or an order is open: the margin mode cannot change", (A,)),
)


def _index() -> dict[tuple[str, Kind], CodeRow]:
    index: dict[tuple[str, Kind], CodeRow] = {}
    for row in sorted(TABLE, key=lambda row: len(row.kinds), reverse=True):  # rows of a kind go before rows of all
        for kind in row.kinds or tuple(Kind):
            index.setdefault((row.code, kind), row)
    return index


_INDEX = _index()


def judge(kind: Kind, status: int, code: str | None) -> tuple[Outcome, str]:
    """Return the outcome of an answer and a one-line reason.

    Args:
        kind: what was asked.
        status: HTTP status.
        code: Bitget's code; None when the body was no envelope.
    """
    if status >= 500 or 300 <= status < 400 or status == 408:
        return Outcome.UNKNOWN, f"HTTP {status}"
    if status == 429:
        return Outcome.BUSY, "HTTP 429: too many requests"
    if code is None:
        return Outcome.UNKNOWN, f"HTTP {status} without an envelope of Bitget's"
    if code == SUCCESS:
        return (Outcome.ACCEPTED, "") if status < 300 else (Outcome.UNKNOWN, f"HTTP {status} with the code of success")
    row = _INDEX.get((code, kind))
    return (row.outcome, row.note) if row else (Outcome.REFUSED, "a code that is not listed: refused by Bitget")
