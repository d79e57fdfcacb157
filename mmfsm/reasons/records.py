"""Reasons of risk records and of start-up checks that fail: worth a line, and what each says."""

# ruff: noqa: E501 - one row, a line for each language

from __future__ import annotations

from mmfsm.reasons.form import Kind, Reason

RISK, START = (Kind.RISK,), (Kind.START,)

# fmt: off
RECORDS: tuple[Reason, ...] = (
    # --- a start-up check failed ---
    Reason("clock_skew", START,
        "This machine's clock is off by more than CLOCK_SKEW_MAX_MS.", "Set the clock (NTP); the exchange refuses requests that are off by more than 30 s.",
        "この機械の時計が CLOCK_SKEW_MAX_MS より狂っている。", "時計を合わせる(NTP)。30 秒を超えると取引所が拒否する。"),
    Reason("margin_mode", START,
        "The symbol's margin mode is not MARGIN_MODE.", "Set the margin mode of the symbol in the app while flat, or set MARGIN_MODE to what it is.",
        "銘柄の証拠金モードが MARGIN_MODE と違う。", "建玉がないときにアプリで変えるか、MARGIN_MODE を実際の値にする。"),
    Reason("position_found", START,
        "The account holds a perp position that no earlier run explains.", "Close it, or set ADOPT_POSITION=1 if spot coin of the same size hedges it.",
        "前回の実行で説明できない先物建玉がある。", "決済するか、同量の現物があるなら ADOPT_POSITION=1 にする。"),
    Reason("tif_probe", START,
        "The time-in-force proof got no answer.", "Look for an order of ours, cancel it, run again.",
        "有効期間(post-only)の確認に答えがない。", "自分の注文が残っていれば取り消し、もう一度起動する。"),
    Reason("no_answer:{check}", START,
        "The exchange or a stream did not answer within CHECK_BOUND_SEC.", "Check the network and the addresses.",
        "取引所またはストリームが CHECK_BOUND_SEC 以内に答えない。", "回線とアドレスを確認する。"),
    Reason("{reading}:{code}", START,
        "The exchange refused a reading that the start needs.", "Read the code's words in the record: key, permission, address or account type.",
        "起動に必要な読み取りを取引所が拒否した。", "記録のコードの説明を読む(鍵・権限・IP・口座種別)。"),
    Reason("check_failed", START,
        "A start-up check failed.", "See `python -m runner check`.",
        "起動時の確認が失敗した。", "`python -m runner check` を見る。"),

    # --- streams and clocks ---
    Reason("socket_lost:{feed}", RISK,
        "The socket that carries this feed was lost.", "Nothing; it reconnects.",
        "このフィードの接続が切れた。", "不要。自動で再接続する。"),
    Reason("fell_back:{feed}", RISK,
        "The short book channel was refused or silent: the full one is used for this run.", "Nothing.",
        "books5 が拒否・無応答のため books に切り替えた。", "不要。"),
    Reason("refused:{feed}", RISK,
        "The exchange refused a subscription.", "Read the subscribe record before it; check SYMBOL and the key.",
        "購読が取引所に拒否された。", "直前の subscribe 記録を読み、SYMBOL と鍵を確認する。"),
    Reason("clock_jump", RISK,
        "The machine's clock was set, or the process stood still: everything is read back.", "See that NTP slews the clock, and that the machine does not sleep.",
        "時計が変更されたか、プロセスが止まっていた。全て読み直す。", "NTP が徐々に合わせる設定か、機械が休止しないかを確認する。"),
    Reason("maintenance", RISK,
        "The exchange has suspended trading for a moment; quotes pause.", "Nothing; see the exchange's notices.",
        "取引所が一時停止中。気配を休む。", "不要。取引所の告知を見る。"),

    # --- orders and fills ---
    Reason("answer_without_order", RISK,
        "An answer came for an order that is not known.", "Nothing, if it is rare.",
        "知らない注文への応答が届いた。", "まれなら不要。"),
    Reason("stray_order", RISK,
        "An open order of ours that nobody here believes in was found; it is cancelled.", "Nothing.",
        "把握していない自分の注文を見つけ、取り消した。", "不要。"),
    Reason("foreign_order", RISK,
        "Somebody else's order is open on this account and symbol; it is left alone.", "Trade nothing else on this symbol with this account.",
        "この口座・銘柄に他者の注文がある。触らない。", "この口座でこの銘柄を他から取引しない。"),
    Reason("foreign_fill", RISK,
        "A fill on this account belongs to no order of ours; it is not hedged.", "Trade nothing else on this symbol with this account.",
        "自分の注文でない約定があった。ヘッジしない。", "この口座でこの銘柄を他から取引しない。"),
    Reason("fill_unparsable", (Kind.IDLE, Kind.RISK),
        "A fill could not be read: it is never booked as zero, but asked for by REST; until then nothing is quoted.", "Nothing, if it clears; else keep the record and report it.",
        "約定を解釈できない。ゼロとは記帳せず REST で照会し、それまで気配を出さない。", "解消すれば不要。続くなら記録を保存して報告する。"),
    Reason("fee_coin_unknown", RISK,
        "A fee was charged in a coin that is not valued.", "Turn off fee deduction in other coins, or accept that results leave it out.",
        "評価できない通貨で手数料が引かれた。", "他通貨での手数料支払いを切るか、損益に含まれないことを承知する。"),
    Reason("fee_above_known", RISK,
        "More was charged than is known; the account's rates are read again.", "Nothing; the edge counts the rate that was read.",
        "既知の料率より多く引かれた。料率を読み直す。", "不要。エッジは読んだ料率で計算する。"),
    Reason("funding_unread", RISK,
        "The funding bills could not be read; it is tried again.", "Nothing, if it clears.",
        "ファンディングの明細を読めない。再試行する。", "解消すれば不要。"),

    # --- exposure ---
    Reason("unhedged_exposure", RISK,
        "Open exposure is above MAX_UNHEDGED_NOTIONAL: the ticket hurries.", "Nothing, if it is rare; else lower QUOTE_SIZE or raise the limit.",
        "未ヘッジ額が MAX_UNHEDGED_NOTIONAL を超えた。ヘッジを急ぐ。", "まれなら不要。続くなら QUOTE_SIZE を下げるか上限を上げる。"),
    Reason("drift_seen", RISK,
        "A reading differs from our books; a second one decides.", "Nothing yet.",
        "読み取りが帳簿と違う。次の読み取りで判断する。", "まだ不要。"),
    Reason("basis_near", RISK,
        "The basis is back near its recent mean.", "Nothing.",
        "ベーシスが平均の近くに戻った。", "不要。"),
    Reason("flatten_failed", (Kind.ALERT,),
        "The held pair could not be closed; it stays, hedged.", "Look at the account, resume, flatten again.",
        "保有ペアを決済できなかった。ヘッジ済みのまま残る。", "口座を確認し、resume してから再び flatten する。"),

    # --- what a person did ---
    Reason("resume", RISK,
        "A person resumed: latched reasons are cleared.", "Nothing.",
        "人が再開した。ラッチした理由を消した。", "不要。"),
    Reason("flatten", RISK,
        "A person asked to close the held pair.", "Nothing.",
        "人が決済を指示した。", "不要。"),
    Reason("settle_order", RISK,
        "A person said that an order is gone.", "Nothing.",
        "人が注文の終了を告げた。", "不要。"),
)
# fmt: on
