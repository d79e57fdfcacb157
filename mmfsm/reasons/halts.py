"""Reasons of HALTED: no new risk; hedging, cancelling and unwinding go on."""

# ruff: noqa: E501 - one row, a line for each language

from __future__ import annotations

from mmfsm.reasons.form import Kind, Reason

HALT, LATCHED, RISK, START = (Kind.HALT,), (Kind.LATCHED,), Kind.RISK, Kind.START

# fmt: off
HALTS: tuple[Reason, ...] = (
    # --- it goes by itself ---
    Reason("feed_down:{feed}", HALT,
        "The stream is not connected, or not subscribed yet.", "It reconnects by itself. If it lasts: check the network and the exchange's status page.",
        "ストリームが切断されているか、まだ購読できていない。", "自動で再接続する。続くときは回線と取引所の障害情報を確認する。"),
    Reason("feed_stale:{feed}", HALT,
        "The stream is connected and has said nothing for too long.", "It is reconnected by itself. If it lasts: check the network and the exchange's status page.",
        "ストリームは接続中だが、長く何も届いていない。", "自動で再接続する。続くときは回線と取引所の障害情報を確認する。"),
    Reason("book_stale:{feed}", HALT,
        "The order book has not changed for BOOK_STALE_MS.", "It clears with the next book. If it recurs in a quiet market, raise BOOK_STALE_MS.",
        "板が BOOK_STALE_MS のあいだ更新されていない。", "次の板で解除される。閑散な市場で繰り返すなら BOOK_STALE_MS を上げる。"),
    Reason("recovering", HALT,
        "A stream was lost or the clock jumped: everything is read back before new risk.", "Nothing. If it lasts: a reading by REST keeps failing, see the records before it.",
        "ストリーム断または時計の飛びの後で、全てを読み直している。", "待つ。続くときは REST の読み取りが失敗している。直前の記録を見る。"),
    Reason("liquidation_near", HALT,
        "The perp's liquidation price is closer than MIN_LIQUIDATION_BPS.", "Add margin on futures, or lower the position: `python -m runner flatten`.",
        "先物の清算価格が MIN_LIQUIDATION_BPS より近い。", "先物に証拠金を足すか、`python -m runner flatten` で建玉を減らす。"),

    # --- a person must look ---
    Reason("operator", LATCHED,
        "A person asked for it.", "`python -m runner resume` starts quotes again.",
        "人が止めた。", "`python -m runner resume` で気配を再開する。"),
    Reason("drift", LATCHED,
        "The account does not hold what our fills add up to; told twice with nothing in flight, the second time by a reading.", "Look for manual trades or transfers. Put the account right, or restart with what it holds; then resume.",
        "口座の残高・建玉が約定の合計と合わない(静穏時に二度、二度目はこちらからの読み取りで確認済み)。", "手動の取引や振替を探す。口座を直すか、現状で起動し直してから resume する。"),
    Reason("position_mode", (Kind.LATCHED, START),
        "The account's position or margin mode is not the one set.", "Close positions and orders, then set the mode in the app, or run with AUTO_SET_POS_MODE=1.",
        "口座のポジションモードまたは証拠金モードが設定と違う。", "建玉と注文を閉じ、アプリでモードを変えるか AUTO_SET_POS_MODE=1 で起動する。"),
    Reason("position_unexplained", LATCHED,
        "At start the account holds a position that the journal does not explain, and still does DRIFT_QUIET_MS later.", "Look for manual trades, put the position right, then resume.",
        "起動時の建玉がジャーナルで説明できず、DRIFT_QUIET_MS 後も変わらない。", "手動の取引を探し、建玉を直してから resume する。"),
    Reason("unknown_order:{client_oid}", LATCHED,
        "Nobody could say what became of this order within its bound. Its quantity stays reserved.", "Look for the order on the exchange; cancel it if it is open. Then resume.",
        "この注文の結果が期限内に分からなかった。数量は確保したまま。", "取引所でその注文を探し、残っていれば取り消す。その後 resume する。"),
    Reason("refused_for_good:{code}", LATCHED,
        "The exchange refused with a code that no retry can cure.", "Read the code's words in the record: key, permission, address or account type. Put it right, then resume or restart.",
        "再試行では直らない理由で取引所に拒否された。", "記録のコードの説明を読む(鍵・権限・IP・口座種別)。直してから resume か再起動する。"),
    Reason("reject_streak", LATCHED,
        "REJECT_STREAK_MAX orders in a row were refused.", "Read the last order_reject records: balance, limits or permissions; then resume.",
        "注文が REJECT_STREAK_MAX 回続けて拒否された。", "直近の order_reject を読む(残高・上限・権限)。その後 resume する。"),
    Reason("tif_not_honoured", LATCHED,
        "A resting quote is not post-only on the exchange; it was cancelled.", "Set PERP_TIF=both and look at the account before resuming.",
        "気配が取引所で post-only になっていなかった。取り消した。", "PERP_TIF=both にし、口座を確認してから resume する。"),
    Reason("daily_loss", LATCHED,
        "More than MAX_DAILY_LOSS was lost since 00:00 UTC, both legs at their mids.", "Look at what lost it (`python -m runner statistics`); resume accepts the loss.",
        "UTC 0 時からの損失が MAX_DAILY_LOSS を超えた(両脚とも仲値評価)。", "何で失ったかを見る(`python -m runner statistics`)。resume は損失を承知したことになる。"),
    Reason("fills_without_order", LATCHED,
        "Too many fills wait for an order that would own them.", "Look at the account for orders that are not the bot's; then resume.",
        "どの注文のものか分からない約定が多すぎる。", "口座にこのボット以外の注文がないか見る。その後 resume する。"),
    Reason("fill_over_order", (Kind.LATCHED, RISK),
        "More was told filled than the order's own quantity; the excess is not booked.", "Compare the order's fills on the exchange with the log; then resume.",
        "注文数量より多い約定が届いた。超過分は記帳していない。", "取引所の約定とログを突き合わせる。その後 resume する。"),
    Reason("unwind_overdue:{hedge_id}", LATCHED,
        "A ticket could be neither hedged nor unwound in time; it goes on trying.", "Look at both legs now: balance, margin, price limits. Close by hand if need be, then resume.",
        "期限までにヘッジもアンワインドもできていない。試行は続く。", "すぐに両脚を見る(残高・証拠金・値幅制限)。必要なら手で閉じ、その後 resume する。"),
    Reason("impossible:{table}:{state}:{event}", LATCHED,
        "Something happened that the table calls impossible; the state is what it was.", "Keep log and journal and report it. Compare the account with `status`, then resume.",
        "表で「起こり得ない」とされた事象が起きた。状態は変えていない。", "ログとジャーナルを保存して報告する。口座と `status` を比べてから resume する。"),
    Reason("breach:{task}", LATCHED,
        "A part of the runner ended or raised that may not.", "Read the error on stderr and in the log; restart if it recurs, else resume.",
        "止まってはならない実行系の部品が終了または例外になった。", "stderr とログのエラーを読む。繰り返すなら再起動、そうでなければ resume する。"),
)
# fmt: on
