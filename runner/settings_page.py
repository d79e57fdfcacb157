"""`python -m runner config --markdown [--lang ja]`: every setting as a Markdown table, as the READMEs hold it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs

from mmfsm.values import plain
from runner.settings import Settings
from runner.settings_ja import HELP, UNITS

LANGUAGES = ("en", "ja")
HEADS: Mapping[str, str] = MappingProxyType(
    {"en": "| setting | default | unit | what it is |", "ja": "| 設定 | 既定値 | 単位 | 内容 |"}
)
GROUPS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "symbol": ("What is traded", "取引対象"),
        "obi_levels": ("Quotes", "気配"),
        "perp_maker_bps": ("Fees, where the account does not tell them", "手数料(口座から読めないとき)"),
        "edge_floor": ("The edge of a side", "片側ごとのエッジ"),
        "k_micro": ("More skews", "そのほかのスキュー"),
        "min_abs_funding": ("Funding", "ファンディング"),
        "exit_policy": ("The way out of a held pair", "保有ペアの手仕舞い"),
        "hedge_slip_bps": ("Hedges", "ヘッジ"),
        "child_settle_ms": ("Orders whose end is not yet known", "結果がまだ分からない注文"),
        "tick_sec": ("Modes", "モード"),
        "book_stale_ms": ("Guards", "ガード"),
        "target_pos_mode": ("The account", "口座"),
        "dry_run": ("What leaves the process", "外に出るもの"),
        "bitget_api_key": ("The exchange", "取引所"),
        "request_timeout_ms": ("Requests", "リクエスト"),
        "ws_connect_timeout_ms": ("Sockets", "ソケット"),
        "state_dir": ("What outlives a run", "実行をまたいで残るもの"),
        "guardian": ("The guardian", "ガーディアン"),
        "status_port": ("The page", "ページ"),
        "log_path": ("The log", "ログ"),
        "journal_max_mb": ("The disk", "ディスク"),
        "alert_urls": ("Alerts", "通知"),
    }
)
"""Where a group begins, by its first setting, and what it is called."""


def settings_markdown(lang: str = "en") -> str:
    """Return the table: a row for each setting, and one for the name of each group."""
    lines = [HEADS[lang], "|---|---|---|---|"]
    for field in attrs.fields(Settings):
        if field.name in GROUPS:
            lines.append(f"| **{GROUPS[field.name][LANGUAGES.index(lang)]}** | | | |")
        lines.append(_row(field, lang))
    return "\n".join(lines)


def _row(field: attrs.Attribute[Any], lang: str) -> str:
    name, meta = field.name.upper(), field.metadata
    unit = UNITS.get(meta["unit"], meta["unit"]) if lang == "ja" else meta["unit"]
    words = HELP.get(name, meta["help"]) if lang == "ja" else meta["help"]
    choices = f" ({', '.join(f'`{choice}`' for choice in meta['choices'])})" if meta["choices"] else ""
    return f"| `{name}` | {_default(field.default)} | {unit} | {words}{choices} |"


def _default(value: object) -> str:
    if value is None or value == "":
        return ""
    return str(int(value)) if isinstance(value, bool) else plain(value) if isinstance(value, Decimal) else str(value)
