"""The operator's page in a real browser, on a real bot trading at the stand-in exchange: what a person sees and does.

Pictures of each state are left in `logs/browser`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from mmfsm.clock import now_ms
from mmfsm.machines import ALL
from mmfsm.machines.ticket import HedgeTicket
from mmfsm.values import Side
from runner.app import Runner
from runner.commands import ACTIONS, Commands
from runner.page.server import Page
from runner.page.view import LISTED_MAX
from tests.browser.chromium import PHONE, WIDE, Browser, browser
from tests.support.bot import Bot, exchange_with, settings_on
from tests.support.page import free_port, paged, token_of, url_of

pytestmark = pytest.mark.browser

SLOW_CHASE = {"HEDGE_DEADLINE_MS": "200", "MAX_UNHEDGED_SEC": "600", "HEDGE_RETRY_MS": "300"}
DIALOG_OPEN = "document.getElementById('ask').open"


def with_token(bot: Bot) -> str:
    """The address as it is printed at start."""
    return url_of(bot, f"/#token={token_of(bot)}")


async def carry_out(it: Browser, action: str) -> None:
    """Press a button, and say yes."""
    await it.click(f"[data-act={action}]")
    await it.until(DIALOG_OPEN)
    await it.click("#ask-yes")


# --- what is shown ----------------------------------------------------------------------------------------------------


async def test_quoting_is_shown_as_it_is(tmp_path: Path) -> None:
    """Mode, both quotes with their prices in the book, fresh feeds, every machine with its state lit, and no complaint
    of the browser's: nothing foreign was asked for."""
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(url_of(bot))
        await it.until_shown("#mode", "QUOTING")
        bid, ask = bot.quote("buy"), bot.quote("sell")
        assert bid is not None and ask is not None

        quotes = await it.shown("#quotes")
        assert f"{bid.price.normalize():f}" in quotes and f"{ask.price.normalize():f}" in quotes
        assert "One bid and one ask rest on the perp." in await it.shown("#now")
        assert (await it.shown("#feeds")).count("● FRESH") == 4
        lit = await it.js(
            "return Object.fromEntries([...document.querySelectorAll('#pictures figure')].map((f) =>"
            "[f.dataset.machine, [...f.querySelectorAll('.state.lit')].map((s) => s.dataset.state)]))"
        )
        assert lit["Mode"] == ["QUOTING"] and lit["QuoteSlot"] == ["WORKING"] and lit["Session"] == ["READY"]
        assert set(lit) == {table.name for table in ALL}
        assert await it.complaints() == []
        asked = await it.js("return performance.getEntriesByType('resource').map((e) => new URL(e.name).host)")
        assert set(asked) == {f"127.0.0.1:{bot.settings.status_port}"}
        await it.shot("quoting")


async def test_a_chasing_ticket_counts_down(tmp_path: Path) -> None:
    """Spot takes nothing: the ticket is shown with what remains and its clocks; hedged at last, it is gone, the edges
    of its machine have counts, and its latency is told."""
    async with paged(tmp_path, **SLOW_CHASE) as bot, browser(tmp_path) as it:
        await it.open(url_of(bot))
        bot.exchange.fault("ioc_stops", product="spot", share=0.0, for_s=600)
        bot.fill_bid()
        await it.until_shown("#tickets-rows", "CHASING")

        row = await it.shown("#tickets-rows")
        assert "0.02 / 0.02" in row and "over " in row and "9:" in row, row
        assert await it.shown("#mode") == "HEDGING" and await it.shown("#tickets-open") == "1"
        assert (
            await it.js("return document.querySelector('[data-machine=HedgeTicket] .lit').dataset.state") == "CHASING"
        )
        await it.shot("chasing")
        bot.exchange.clear_faults()
        await it.until("document.getElementById('tickets-rows').rows.length === 0")
        count = "document.querySelector('[data-machine=HedgeTicket] [data-edge=\"{}\"] .count').textContent === '1'"
        await it.until(count.format("PENDING>CHASING") + " && " + count.format("CHASING>DONE"))
        await it.until_shown("#latencies", "ms")


async def test_halted_names_its_reasons_and_is_announced(tmp_path: Path) -> None:
    """In words, with whether a person is waited for; and a screen reader is told at once."""
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(url_of(bot))
        bot.runner.breach("journal", None)
        await it.until_shown("#mode", "HALTED")

        reasons = await it.shown("#reasons")
        assert "waits for a person" in reasons and "The journal cannot be written." in reasons
        assert "No new risk. Hedging, cancelling and unwinding go on." in await it.shown("#now")
        spoken = await it.js("const e = document.querySelector('[aria-live=assertive]'); return e.textContent")
        assert spoken.startswith("HALTED") and "journal" in spoken
        assert "■" in await it.js("return document.title")
        await it.shot("halted")
        await it.dark()
        await it.shot("halted-dark")
        bot.resume()
        await it.until_shown("#mode", "QUOTING")


async def test_japanese_by_the_browsers_wish_and_by_hand(tmp_path: Path) -> None:
    """A Japanese browser is spoken to in Japanese, and no longer word is cut off on a small desktop; the switch changes
    everything in place and is remembered."""
    async with paged(tmp_path) as bot, browser(tmp_path, lang="ja") as it:
        await it.open(url_of(bot))
        assert "無期限に買い・売り各1本を提示中。" in await it.shown("#now") and "クオート" in await it.shown("#quotes")
        assert await it.js("return document.documentElement.lang") == "ja"
        await it.click("[data-act=flatten]")
        assert "決済し、読み戻して確認" in await it.shown("#ask-does")
        await it.shot("flatten-ja", whole=False)
        await it.click("#ask-no")
        await it.shot("quoting-ja")
        await it.size(1090, 800)
        assert await it.overflows() == []
        await it.click("[data-lang=en]")
        await it.until_shown("#now", "One bid and one ask rest on the perp.")
        await it.open(url_of(bot))
        assert "OUR QUOTES" in await it.shown("#quotes")


@pytest.mark.parametrize("lang", ["en", "ja"])
async def test_a_phone_shows_it_without_scrolling_sideways(tmp_path: Path, lang: str) -> None:
    """375 pixels wide, light and dark, with a ticket open: nothing is cut off, and the buttons are large enough."""
    async with paged(tmp_path, **SLOW_CHASE) as bot, browser(tmp_path, lang, PHONE) as it:
        bot.exchange.fault("ioc_stops", product="spot", share=0.0, for_s=600)
        bot.fill_bid()
        await it.open(url_of(bot))
        await it.until_shown("#tickets-rows", "CHASING")

        assert await it.overflows() == []
        heights = await it.js("return [...document.querySelectorAll('[data-act]')].map((e) => e.offsetHeight)")
        assert min(heights) >= 44
        await it.dark()
        await it.shot(f"phone-dark-{lang}", whole=False)
        await it.click("[data-act=halt]")
        assert await it.overflows() == []
        await it.shot(f"phone-ask-{lang}", whole=False)
        await it.click("#ask-no")
        bot.exchange.clear_faults()
        await bot.hedged()


CONTRAST = """
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (e) => { for (; e; e = e.parentElement) {
  const c = parse(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c;
} return [255, 255, 255]; };
const low = [];
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || e.closest("svg") || !e.checkVisibility()) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) low.push(`${e.tagName} ${e.textContent.slice(0, 20)}`);
}
return low;
"""


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
async def test_every_text_stands_out_from_what_is_behind_it(tmp_path: Path, is_dark: bool) -> None:
    """At least 4.5 to 1 (WCAG AA), in every state that has a colour of its own."""
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.dark(is_dark)
        await it.open(url_of(bot))
        assert await it.js(CONTRAST) == []
        bot.halt()
        await it.until_shown("#mode", "HALTED")
        assert await it.js(CONTRAST) == []
        await it.click("[data-act=stop]")
        assert await it.js(CONTRAST) == []


# --- actions ----------------------------------------------------------------------------------------------------------


async def test_every_button_says_what_it_will_do_and_asks_again(tmp_path: Path) -> None:
    """The dialog names quotes, hedging, position and process; the focus is on Cancel; cancelled, nothing was sent."""
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(with_token(bot))
        assert await it.js("return location.hash") == "", "the token does not stay in the address"
        for action in ACTIONS:
            await it.click(f"[data-act={action}]")
            does = await it.shown("#ask-does")
            assert all(word in does for word in ("Quotes", "Hedging", "Position", "Process")), does
            assert await it.js("return document.activeElement.id") == "ask-no"
            await it.shot(f"ask-{action}", whole=False)
            await it.press(Keys.ESCAPE)
            await it.until(f"!{DIALOG_OPEN}")
        assert bot.halts == {} and bot.mode == "QUOTING" and bot.runner.exit_status is None


async def test_a_wrong_token_is_refused_and_the_right_one_is_asked_for(tmp_path: Path) -> None:
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(url_of(bot))
        await it.click("[data-act=halt]")
        await it.type("#token", "wrong")
        await it.click("#ask-yes")
        await it.until_shown("#ask-said", "The token is wrong. Nothing was done.")
        assert bot.halts == {} and bot.mode == "QUOTING"
        await it.type("#token", token_of(bot))
        await it.click("#ask-yes")
        await it.until_shown("#ask-said", "quotes are gone, as the exchange has confirmed")
        assert bot.halts == {"operator": True}


async def test_halt_and_resume(tmp_path: Path) -> None:
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(with_token(bot))
        await carry_out(it, "halt")
        await it.until_shown("#ask-said", "✓ quotes are gone, as the exchange has confirmed")
        assert "Hedging goes on: 0 tickets open." in await it.shown("#ask-said") and bot.open_orders == ()
        await it.click("#ask-no")
        await it.until_shown("#reasons", "A person asked for it.")
        await carry_out(it, "resume")
        await it.until_shown("#ask-said", "cleared operator. Quotes start again.")
        await it.click("#ask-no")
        await it.until_shown("#mode", "QUOTING")
        await bot.quoting()


async def test_flatten_closes_and_reads_back(tmp_path: Path) -> None:
    async with paged(tmp_path) as bot, browser(tmp_path, lang="ja") as it:
        bot.fill_bid()
        await bot.hedged()
        await it.open(with_token(bot))
        await carry_out(it, "flatten")
        await it.until_shown("#ask-said", "手仕舞い完了。取引所で確認済み：無期限 0")
        assert bot.truth.position == 0 and bot.open_orders == ()
        await it.shot("flattened-ja", whole=False)


async def test_stop_ends_the_run_and_the_page_says_so(tmp_path: Path) -> None:
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(with_token(bot))
        await carry_out(it, "stop")
        await it.until_shown("#ask-said", "clean: nothing of ours is open, as read back")
        assert await bot.ended() == 0
        await it.until_shown("#link", "the run has ended: status 0 (operator)")
        await it.shot("ended", whole=False)


async def test_the_keyboard_is_enough(tmp_path: Path) -> None:
    """Tab to a button, Enter, Tab to yes, Enter: halted. The focus can be seen."""
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(with_token(bot))
        for _ in range(20):
            await it.press(Keys.TAB)
            if await it.js("return document.activeElement.dataset.act") == "halt":
                break
        assert await it.js("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
        await it.press(Keys.ENTER)
        await it.until(DIALOG_OPEN)
        await it.press(Keys.TAB)
        assert await it.js("return document.activeElement.id") == "ask-yes"
        await it.press(Keys.ENTER)
        await it.until_shown("#ask-said", "quotes are gone")
        assert bot.halts == {"operator": True}


# --- cuts, and a great deal -------------------------------------------------------------------------------------------


async def test_a_lost_connection_is_said_and_comes_back_by_itself(tmp_path: Path) -> None:
    """The run ends and another begins on its port: old figures are marked as old, then the new run is shown."""
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(url_of(bot))
        first = bot.runner.run_id
        await bot.kill()
        await it.until("document.getElementById('link').dataset.state !== 'live'")
        assert "old" in await it.shown("#link") or "ended" in await it.shown("#link")
        assert await it.js("return getComputedStyle(document.querySelector('main')).opacity") != "1"
        await it.shot("lost", whole=False)
        again = Bot(bot.exchange, bot.settings)
        await again.quoting()
        await it.until("document.getElementById('link').dataset.state === 'live'")
        await it.until_shown("#who", again.runner.run_id)
        assert first != again.runner.run_id and await it.shown("#mode") == "QUOTING"
        bot.runner.exit_status = await again.stop()


def ticket(number: int, at_ms: int) -> HedgeTicket:
    """An open ticket of many."""
    states = ("PENDING", "PARTIAL", "CHASING", "UNWINDING")
    one = HedgeTicket(
        hedge_id=f"mm-h-{number}", cycle_id=number, side=Side.BUY if number % 2 else Side.SELL, opened_ms=at_ms,
        deadline_ms=at_ms + 60_000, unhedged_until_ms=at_ms + 120_000 + number, want=Decimal("0.02"),
    )  # fmt: skip
    one.state = states[number % 4]
    return one


async def test_a_thousand_tickets_are_counted_and_the_most_urgent_shown(tmp_path: Path) -> None:
    """The count is of all, the list is bounded, and the page still answers at once."""
    async with exchange_with() as exchange:
        runner = Runner(settings_on(exchange, tmp_path / "many.jsonl", STATUS_PORT=str(free_port())))
        runner.folder.mkdir(parents=True)
        runner.desk.state.tickets = {(it := ticket(number, now_ms())).hedge_id: it for number in range(1_000)}
        page = Page(runner, Commands(runner), runner.folder)
        await page.open()
        try:
            async with browser(tmp_path, size=WIDE) as it:
                await it.open(page.url)
                assert await it.shown("#tickets-open") == "1000"
                assert await it.js("return document.getElementById('tickets-rows').rows.length") == LISTED_MAX
                assert "CHASING 250" in await it.shown("#tickets-more")
                assert "mm-h-0" in await it.shown("#tickets-rows"), "the most urgent comes first"
                slowest = await it.js(
                    "return Math.max(...performance.getEntriesByType('longtask').map((e) => e.duration), 0)"
                )
                assert slowest < 1_000
                await it.type("#filter-text", "nothing")
                await it.shot("thousand")
        finally:
            await page.close()


async def test_records_are_filtered_by_kind_and_text(tmp_path: Path) -> None:
    """A bounded list, newest first; each opens to what it says in full."""
    rows = "[...document.querySelectorAll('#records-rows li')]"
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        bot.fill_bid()
        await bot.hedged()
        await it.open(url_of(bot))
        await it.until(f"{rows}.some((li) => li.dataset.event === 'ticket')")
        assert await it.js(f"return {rows}.some((li) => li.dataset.event === 'tick')") is False
        await it.js(
            "const s = document.getElementById('filter-kind'); s.value = 'fills'; s.dispatchEvent(new Event('change'))"
        )
        await it.until(f"{rows}.length > 0 && {rows}.every((li) => li.dataset.event === 'fill')")
        await it.type("#filter-text", "spot_ioc")
        await it.until(f"{rows}.length === 1")  # a newcomer is told the last records a few at a time
        shown = await it.js(f"return {rows}.map((li) => li.innerText)")
        assert len(shown) == 1 and "spot_ioc" in shown[0]
        await it.click("#records-rows summary")
        assert "dedupe" in await it.shown("#records-rows pre") or "price" in await it.shown("#records-rows pre")
        numbers = await it.js(f"return {rows}.map((li) => Number(li.dataset.n))")
        assert numbers == sorted(numbers, reverse=True)
        await it.shot("filtered")


async def test_a_storm_of_records_leaves_the_list_bounded(tmp_path: Path) -> None:
    async with paged(tmp_path) as bot, browser(tmp_path) as it:
        await it.open(url_of(bot))
        for number in range(3_000):
            bot.runner.note("storm", "storm", {"side": number})
        await it.until_shown("#records-rows", "side=2999")
        assert await it.js("return document.querySelectorAll('#records-rows li').length") <= 150
