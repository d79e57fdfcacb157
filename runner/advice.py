"""What a person should do about a reason: for `check`, alerts and the end of a run. The words are the catalogue's; what
a code of the exchange's or an end of its own asks for is said here."""

from __future__ import annotations

from runner.reasons import find

CODES = {
    "stop_bound": (
        "Not everything could be settled or read back within STOP_BOUND_SEC: compare position, spot coin and open "
        "orders of the account with the log."
    ),
    "40008": "This machine's clock is wrong by some 30 s: set it (NTP), then resume.",
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
}


def advice_for(reason: str) -> str:
    """Return the sentence for a reason such as "position_mode", "queryaccount:40085" or "no_answer:feeds".

    >>> advice_for("refused_for_good:40012")
    'The passphrase is wrong: check BITGET_API_PASSPHRASE.'
    """
    code = reason.rpartition(":")[2]
    row = find(reason)
    return CODES.get(code) or (row.do if row else "Read the record before this one.")
