"""What a person should do about a reason: one table, for `check`, alerts and the end of a run."""

from __future__ import annotations

ADVICE = {
    "clock_skew": "Set this machine's clock (NTP); the exchange refuses requests that are off by more than 30 s.",
    "position_mode": "Close positions and orders, then set the mode in the app, or run with AUTO_SET_POS_MODE=1.",
    "margin_mode": "Set the margin mode of the symbol in the app while flat, or set MARGIN_MODE to what it is.",
    "constraints_missing": "The exchange gave no usable rules for SYMBOL: check its name, and that both legs list it.",
    "position_found": "Close the perp position, or set ADOPT_POSITION=1 if spot coin of the same size hedges it.",
    "tif_probe": "The time-in-force proof got no answer: look for an order of ours, cancel it, run again.",
    "tif_not_honoured": "A quote was not post-only. Set PERP_TIF=both and look at the account before resuming.",
    "reject_streak": "Read the last order_reject records: balance, limits or permissions; then resume.",
    "drift": "The account does not hold what our fills add up to: look for manual trades or transfers, then restart.",
    "journal": "STATE_DIR cannot be written (full disk?): make room, then `python -m runner resume`.",
    "illegal": "The exchange told a figure that no market has (see the log): compare the account with it, then resume.",
    "log": "LOG_PATH cannot be written or was removed: make room, or restart to begin a new file; then resume.",
    "guardian": "The guardian process does not stay alive: see stderr; GUARDIAN=0 does without one.",
    "position_unexplained": "The account holds what the journal does not explain: look for manual trades, then resume.",
    "40085": (
        "This key belongs to a unified account (UTA), which Bitget's V2 API does not serve. "
        "Use a key of a classic account or of a classic sub-account."
    ),
    "40099": "A demo key on the live exchange or the other way round: see BITGET_DEMO.",
    "30017": "A demo key on the live exchange or the other way round: see BITGET_DEMO.",
    "40006": "BITGET_API_KEY is not known to the exchange.",
    "40037": "BITGET_API_KEY is not known to the exchange.",
    "40009": "The signature is wrong: check BITGET_API_SECRET.",
    "40012": "The passphrase is wrong: check BITGET_API_PASSPHRASE.",
    "40014": "The key lacks a permission: it needs reading and trading on futures and spot.",
    "40018": "This machine's address is not on the key's list.",
    "40038": "This machine's address is not on the key's list.",
    "40774": "The order did not fit the account's position mode: see TARGET_POS_MODE.",
    "no_answer": "The exchange or a stream did not answer in time: check the network and the addresses.",
}


def advice_for(reason: str) -> str:
    """Return the sentence for a reason such as "position_mode", "queryaccount:40085" or "no_answer:feeds"."""
    for part in (reason, *reversed(reason.split(":")), *reason.split(":")):
        if part in ADVICE:
            return ADVICE[part]
    return "Read the record before this one."
