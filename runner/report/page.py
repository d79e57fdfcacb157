"""The report as one HTML file: text, tables and inline SVG, in two languages. It loads nothing and runs nothing."""

from __future__ import annotations

from importlib.resources import files

from runner.drawing.html import Markup, safe
from runner.report import attention, overview, reading, results, trading
from runner.report.parts import Told
from runner.report.words import LANGUAGES, moment, say, span

NAMES = {"en": "English", "ja": "日本語"}


def page(d: Told, lang: str = "en") -> str:
    """Return the page; `lang` is the language it opens in, a switch in it changes to the other."""
    style = (files("runner.report") / "report.css").read_text(encoding="utf-8")
    title = safe(f"{_symbols(d)} {moment(d['from_ms'], '%Y-%m-%d')}")
    parts = (
        overview.lead(d),
        overview.timeline(d),
        attention.attention(d),
        attention.novelty(d),
        trading.tickets(d),
        results.earned(d),
        trading.quotes(d),
        reading.time_in_state(d),
        reading.reading(d),
    )
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title><style>{style}</style></head>'
        f"<body>{_switch(lang)}{_header(d)}<main>{''.join(parts)}</main></body></html>\n"
    )


def _switch(lang: str) -> str:
    # The choice is the browser's own: CSS shows the language whose button is pressed, and no script is needed.
    return "".join(
        f'<input type="radio" name="lang" id="{it}"{" checked" if it == lang else ""}>'
        f'<label for="{it}" lang="{it}">{NAMES[it]}</label>'
        for it in LANGUAGES
    )


def _symbols(d: Told) -> str:
    return " ".join(dict.fromkeys(run["config"]["SYMBOL"] or "mmfsm" for run in d["runs"])) or "mmfsm"


def _header(d: Told) -> Markup:
    runs = d["run_count"]
    when = f"{moment(d['from_ms'])} – {moment(d['until_ms'])} UTC"
    lasted = span(d["until_ms"] - d["from_ms"])
    told = say(f"{lasted}, {runs} run{'s' * (runs != 1)}", f"{lasted}、ラン {runs} 回")
    return Markup(f"<header><h1>{safe(_symbols(d))} {_kinds(d)}</h1><p>{safe(when)}</p><p>{told}</p></header>")


def _kinds(d: Told) -> str:
    kinds = {
        "dry": ("dry run", "ドライラン"),
        "demo": ("demo", "デモ"),
        "paper": ("stand-in exchange", "模擬取引所"),
        "live": ("live", "本番"),
    }
    found = dict.fromkeys(_kind(run["config"]) for run in d["runs"] if run["run_id"])
    return " ".join(f'<b class="tag {kind}">{say(*kinds[kind])}</b>' for kind in found)


def _kind(config: Told) -> str:
    if config["DRY_RUN"] == "True":
        return "dry"
    if config["BITGET_DEMO"] == "True":
        return "demo"
    return "paper" if "//127.0.0.1" in (config["BITGET_REST_URL"] or "") else "live"
