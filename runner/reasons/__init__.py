"""Every reason this package can give, in words: the desk's (`mmfsm.reasons`) and the runner's own.

The single source of what alerts, advice and the documents say of a reason. `python -m runner reasons` prints it.
"""

# ruff: noqa: E501 - one row, a line for each language

from __future__ import annotations

from mmfsm import reasons as library
from mmfsm.reasons.form import Kind, Reason
from mmfsm.reasons.form import find as _find

LATCHED, RISK, ALERT, GUARDIAN = (Kind.LATCHED,), (Kind.RISK,), (Kind.ALERT,), (Kind.GUARDIAN,)

# fmt: off
PROCESS: tuple[Reason, ...] = (
    # --- a part of the runner failed: latched ---
    Reason("breach:journal", LATCHED,
        "STATE_DIR cannot be written, or it or its lock was removed or moved: what happens now would be forgotten by a restart.", "Make room (full disk?), then `python -m runner resume`; what was removed is made anew, unless another run has the lock.",
        "STATE_DIR に書けないか、フォルダかロックが消された・移された。今の出来事が再起動で失われる。", "空きを作り(ディスク満杯?)、`python -m runner resume`。消えたものは、別の実行がロックを持っていなければ作り直される。"),
    Reason("breach:log", LATCHED,
        "LOG_PATH cannot be written or was removed.", "Make room (full disk?), then `python -m runner resume`; what was removed is made anew.",
        "LOG_PATH に書けないか、ファイルが消された。", "空きを作り(ディスク満杯?)、`python -m runner resume`。消されたものは作り直す。"),
    Reason("breach:guardian", LATCHED,
        "The guardian process does not stay alive: nobody would clear the market after a crash.", "See stderr, then resume; GUARDIAN=0 does without one.",
        "ガーディアンが起動し続けない。異常終了時に気配を消す者がいない。", "stderr を見てから resume する。GUARDIAN=0 なら無しで動く。"),
    Reason("breach:ticks", LATCHED,
        "The task that keeps time failed; it was started again.", "Read the error in the log; restart soon.",
        "時刻を刻むタスクが失敗し、再開した。", "ログのエラーを読み、早めに再起動する。"),
    Reason("breach:alerts", LATCHED,
        "The task that looks for what to alert of has ended: halts that last are not told any longer.", "Read the error in the log; restart.",
        "通知の監視タスクが終了した。長引く停止が通知されない。", "ログのエラーを読み、再起動する。"),
    Reason("breach:disk", LATCHED,
        "The task that watches the disk has ended: little room is not told any longer.", "Read the error in the log; restart.",
        "ディスクの監視タスクが終了した。空き不足が通知されない。", "ログのエラーを読み、再起動する。"),
    Reason("breach:garbage", LATCHED,
        "What collects garbage in quiet moments has failed: Python collects by itself.", "Read the log's line of level ERROR, then resume or restart.",
        "静かな時にメモリを回収する処理が失敗した(Python 自身の回収は続く)。", "ログの ERROR 行を読み、resume か再起動する。"),
    Reason("breach:{socket}", LATCHED,
        "A socket's task failed on something that is no network error.", "Read the error in the log; restart.",
        "接続タスクが通信以外の理由で失敗した。", "ログのエラーを読み、再起動する。"),
    Reason("breach:{socket}-socket", LATCHED,
        "A socket's task has ended; that stream does not come back by itself.", "Read the error in the log; restart.",
        "接続タスクが終了した。このストリームは自動では戻らない。", "ログのエラーを読み、再起動する。"),
    Reason("breach:event-handler", LATCHED,
        "A message of the exchange could not be taken in.", "Read the error in the log and report it; compare the account with `status`, then resume.",
        "取引所からのメッセージを処理できなかった。", "ログのエラーを読んで報告する。口座と `status` を比べてから resume する。"),
    Reason("breach:hedge-connection", LATCHED,
        "The task that keeps the hedges' connection warm has ended.", "Read the error in the log; restart.",
        "ヘッジ用接続を温めるタスクが終了した。", "ログのエラーを読み、再起動する。"),
    Reason("breach:request:{action}", LATCHED,
        "A request raised an error of the program's own.", "Read the error in the log and report it; then resume.",
        "リクエスト処理がプログラムの誤りで失敗した。", "ログのエラーを読んで報告し、その後 resume する。"),
    Reason("breach:illegal:{event}", LATCHED,
        "The exchange told a figure that no market has; it was not taken.", "Compare the account with what the log shows, then resume.",
        "取引所からあり得ない値が届いた。取り込んでいない。", "口座とログを比べてから resume する。"),

    # --- risk records ---
    Reason("no_control", RISK,
        "The control socket cannot be made: `status`, `halt` and the others do not reach this run; signals do.", "Set STATE_DIR to a shorter path on a local disk.",
        "制御ソケットを作れない。`status` や `halt` は届かない(シグナルは届く)。", "STATE_DIR をローカルディスクの短いパスにする。"),
    Reason("no_page", RISK,
        "The page cannot be served: its port is in use, or its token cannot be written. Trading goes on without it.", "Free the port or set STATUS_PORT to another, and restart; `top` shows the same.",
        "ページを出せない(ポートが使用中、またはトークンを書けない)。取引は続く。", "ポートを空けるか STATUS_PORT を変えて再起動する。`top` でも同じ内容が見られる。"),
    Reason("journal_packing", (Kind.RISK, Kind.ALERT),
        "Full journal files cannot be compressed: nothing is lost, but the folder grows.", "Make room, and see who may write STATE_DIR.",
        "ジャーナルを圧縮できない。失われないがフォルダが増え続ける。", "空きを作り、STATE_DIR の権限を確認する。"),
    Reason("disk_low", (Kind.RISK, Kind.ALERT),
        "Less than DISK_FREE_MIN_MB is free where the log or the journal is written.", "Make room soon: on a full disk the run halts.",
        "ログまたはジャーナルの書き込み先の空きが DISK_FREE_MIN_MB を下回った。", "早めに空きを作る。満杯になると停止する。"),
    Reason("disk_enough", RISK,
        "There is room on the disk again.", "Nothing.",
        "ディスクの空きが戻った。", "不要。"),
    Reason("alert_unsent", RISK,
        "A message could not be sent to an address of ALERT_URLS.", "Run `python -m runner alert --test`.",
        "ALERT_URLS の宛先に送れなかった。", "`python -m runner alert --test` を実行する。"),

    # --- alerts without a halt ---
    Reason("unwind", ALERT,
        "A fill could not be hedged on spot in time: its perp position is being reversed, at a cost.", "Nothing, if it is rare. If it recurs: spot's balance and depth, and the hedge latency.",
        "約定を現物で期限内にヘッジできず、先物を反対売買している(費用がかかる)。", "まれなら不要。繰り返すなら現物の残高・板の厚み・遅延を見る。"),
    Reason("recovered", ALERT,
        "What was told before is over.", "Nothing.",
        "先に知らせた事象は終わった。", "不要。"),
    Reason("run_ended:{status}", ALERT,
        "The run has ended, and not clean.", "Look at the account for open orders and the position, read the log's end, start again.",
        "正常でない形で終了した。", "口座の注文と建玉を確認し、ログの末尾を読んで、再び起動する。"),
    Reason("test", ALERT,
        "A test: alerts reach you.", "Nothing.",
        "テスト。通知は届いている。", "不要。"),

    # --- the guardian ---
    Reason("waited_for", GUARDIAN,
        "The start waited for a guardian at work to let go of the lock.", "Nothing.",
        "作業中のガーディアンがロックを放すのを待って起動した。", "不要。"),
    Reason("guardian_lost", GUARDIAN,
        "The guardian process ended; it is started again.", "Nothing, if it is rare; if it recurs see stderr.",
        "ガーディアンが終了し、再び起動している。", "まれなら不要。繰り返すなら stderr を見る。"),
    Reason("silent", GUARDIAN,
        "Nothing was heard from the runner for GUARDIAN_SILENT_MS: its event loop is frozen; quotes are being cancelled.", "Look at the machine (load, swap, suspended?) and at the process.",
        "GUARDIAN_SILENT_MS のあいだ実行系から音沙汰がない(イベントループ停止)。気配を取り消している。", "機械(負荷・スワップ・休止)とプロセスを見る。"),
    Reason("interrupted", GUARDIAN,
        "The runner was heard again while quotes were being cancelled.", "Nothing.",
        "取り消し中に実行系が戻った。", "不要。"),
    Reason("heard_again", GUARDIAN,
        "The runner was heard again.", "Look for what froze it.",
        "実行系が戻った。", "止まった原因を調べる。"),
    Reason("bye", GUARDIAN,
        "The runner ended clean during a silence.", "Nothing.",
        "無音の後に実行系が正常終了した。", "不要。"),
    Reason("death", GUARDIAN,
        "The runner died during a silence.", "See what follows.",
        "無音の後に実行系が異常終了した。", "続く記録を見る。"),
    Reason("left", GUARDIAN,
        "A new run has the lock: the market is its affair.", "Nothing.",
        "新しい実行がロックを持っている。後はそちらの仕事。", "不要。"),
    Reason("clearing", GUARDIAN,
        "The runner is dead, and its orders are not out of the market yet; the guardian goes on.", "Look at the exchange's status and at the open orders now.",
        "実行系が異常終了し、注文の取り消しがまだ終わらない。ガーディアンは続けている。", "取引所の障害情報と未約定注文をすぐに確認する。"),
    Reason("unsent", GUARDIAN,
        "The guardian could not send a message to an address of ALERT_URLS.", "Run `python -m runner alert --test`.",
        "ガーディアンが ALERT_URLS の宛先に送れなかった。", "`python -m runner alert --test` を実行する。"),
    Reason("quotes_gone", GUARDIAN,
        "The runner is dead or frozen. None of its orders is open any more, read twice.", "Look at the position, read the log's end, start again.",
        "実行系が異常終了または停止した。注文は残っていない(二度確認)。", "建玉を確認し、ログの末尾を読み、再び起動する。"),
    Reason("refused", GUARDIAN,
        "The runner is dead or frozen, and the exchange refuses the guardian for good: orders may be open.", "Cancel our orders by hand now.",
        "実行系が異常終了または停止し、ガーディアンも取引所に拒否された。注文が残っている恐れがある。", "すぐに手で注文を取り消す。"),
    Reason("not_gone", GUARDIAN,
        "The runner is dead or frozen, and orders of ours may still be open.", "Cancel our orders by hand now.",
        "実行系が異常終了または停止し、注文が残っている恐れがある。", "すぐに手で注文を取り消す。"),
    Reason("flattened", GUARDIAN,
        "After a death the guardian has closed the held pair.", "Look at the account, start again.",
        "異常終了後、ガーディアンが保有ペアを決済した。", "口座を確認し、再び起動する。"),
    Reason("not_flattened", GUARDIAN,
        "After a death the guardian could not close the held pair.", "Close both legs by hand, or start again.",
        "異常終了後、ガーディアンは保有ペアを決済できなかった。", "両脚を手で閉じるか、再び起動する。"),
)
# fmt: on

CATALOGUE: tuple[Reason, ...] = library.DESK + PROCESS
"""Every row there is. A name may have one row in each part: `flattened` is a desk's and a guardian's."""


def find(name: str, kind: Kind | None = None) -> Reason | None:
    """Return the row of a reason as a record shows it; with `kind`, among the rows of that kind alone.

    >>> [row.name for row in (find("breach:log"), find("breach:request:PlaceOrder"), find("breach:other")) if row]
    ['breach:log', 'breach:request:{action}', 'breach:{task}']
    """
    return _find((row for row in CATALOGUE if kind is None or kind in row.kinds), name)
