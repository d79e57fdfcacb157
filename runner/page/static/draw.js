// The parts of the view, each drawn when it has changed. What is drawn is kept and only altered: no flicker, no lost focus.

import { cut, mode, money, put, reason, span, t } from "./text.js";

const by = (id) => document.getElementById(id);
const SIGNS = { IDLE: "○", QUOTING: "●", HEDGING: "◆", COOLDOWN: "◔", HALTED: "■" };
const PNL = ["realised", "unrealised_change", "funding", "fees", "net", "spread", "hedge_slip", "unwind_slip"];
const FRESH_MS = 1500;

// Rows of a table: reused in place. A cell is a text, or [text, class].
export function fillRows(body, rows, cellsOf, classOf) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, at) => {
    const tr = body.rows[at] ?? body.insertRow();
    const cells = cellsOf(row);
    while (tr.cells.length < cells.length) tr.insertCell();
    cells.forEach((cell, place) => {
      const [text, name] = Array.isArray(cell) ? cell : [cell, ""];
      put(tr.cells[place], text);
      if (tr.cells[place].className !== name) tr.cells[place].className = name;
    });
    tr.className = classOf?.(row) ?? "";
  });
}

function fillPairs(list, pairs) {
  while (list.children.length > pairs.length * 2) list.lastChild.remove();
  pairs.forEach(([name, text], at) => {
    if (list.children.length <= at * 2) list.append(document.createElement("dt"), document.createElement("dd"));
    put(list.children[at * 2], name);
    put(list.children[at * 2 + 1], text);
  });
}

function fillList(list, items, make, fill) {
  while (list.children.length > items.length) list.lastChild.remove();
  items.forEach((item, at) => {
    if (list.children.length <= at) list.append(make());
    fill(list.children[at], item);
  });
}

function element(tag, className = "") {
  const it = document.createElement(tag);
  it.className = className;
  return it;
}

export function draw(view, changed, now) {
  const has = (...names) => names.some((name) => changed.has(name));
  if (has("run")) drawRun(view.run);
  drawMode(view, now, has("mode"));
  drawKeys(view);
  if (has("tickets") || view.tickets.open) drawTickets(view.tickets, now);
  if (has("market", "quotes")) drawBooks(view.market);
  drawMarket(view, now);
  drawQuotes(view, now);
  if (has("exposure", "run")) drawExposure(view);
  if (has("pnl", "run")) drawPnl(view);
  if (has("latency")) drawLatency(view.latency);
  drawFeeds(view.feeds, now);
  if (has("machines")) drawMachines(view.machines, now);
  drawFooter(view, now);
}

function drawRun(run) {
  put(by("symbol"), run.symbol);
  put(by("kind"), t(`kind_${run.kind}`));
  by("kind").dataset.kind = run.kind;
  put(by("quote-coin"), run.quote_coin);
  document.title = `${run.symbol} · mmfsm`;
}

let spokenMode = "";

function drawMode(view, now, isNew) {
  const it = view.mode;
  by("now").dataset.mode = it.state;
  put(by("sign"), SIGNS[it.state] ?? "");
  put(by("mode"), it.state);
  put(by("mode-for"), t("since", { span: span(now - it.since_ms) }));
  const why = it.state === "IDLE" && it.why ? reason(it.why) : "";
  put(by("mode-means"), [mode(it.state), why].filter(Boolean).join(" "));
  const reasons = it.halted_by;
  fillList(by("reasons"), reasons, () => {
    const li = element("li");
    li.append(element("span", "tag"), element("span", "said"), element("span", "detail"));
    return li;
  }, (li, one) => {
    put(li.children[0], t(one.latched ? "latched" : "passing"));
    put(li.children[1], reason(one.reason));
    put(li.children[2], one.detail === one.reason ? "" : one.detail);
  });
  const spoken = [it.state, why, ...reasons.map((one) => reason(one.reason))].filter(Boolean).join(". ");
  if (isNew && spoken !== spokenMode) {
    if (spokenMode) put(by("spoken"), spoken);
    spokenMode = spoken;
  }
  document.title = `${SIGNS[it.state] ?? ""} ${it.state} · ${view.run.symbol}`;
}

function drawKeys(view) {
  const { exposure, pnl, run, latency, loop, tickets } = view;
  const pairs = [
    [t("perp_position"), cut(exposure.perp, 8), run.base_coin],
    [t("delta"), cut(exposure.delta, 8), run.base_coin],
    [t("open_tickets"), String(tickets.open), t("closed", { closed: tickets.closed })],
    [t("net_today"), money(pnl.day.net, 2), run.quote_coin],
    [t("hedged_in"), latency.p50_ms === null ? "–" : `${latency.p50_ms} ms`, "p50"],
    [t("loop"), `${loop.last_ms.toFixed(1)} ms`, t("loop_max", { ms: loop.max_ms.toFixed(1) })],
  ];
  const list = by("keys");
  pairs.forEach(([name, value, unit], at) => {
    if (list.children.length <= at) {
      const box = element("div"), dd = element("dd");
      dd.append(element("span"), " ", element("small"));
      box.append(element("dt"), dd);
      list.append(box);
    }
    const box = list.children[at];
    put(box.children[0], name);
    put(box.children[1].children[0], value);
    put(box.children[1].children[1], unit);
  });
}

// --- tickets ---

function left(ms, now) {
  return ms === null ? "–" : ms > now ? span(ms - now) : t("past", { span: span(now - ms) });
}

function drawTickets(it, now) {
  put(by("tickets-open"), String(it.open));
  const states = Object.entries(it.by_state).map(([state, count]) => `${state} ${count}`).join("  ");
  by("tickets-none").hidden = it.open > 0;
  by("tickets").querySelector("table").hidden = it.open === 0;
  fillRows(by("tickets-rows"), it.rows, (row) => [
    [row.state, row.state === "CHASING" || row.state === "UNWINDING" ? "bad" : ""],
    t(row.side), [`${row.remain} / ${row.want}`, "n"], [span(now - row.opened_ms), "n"],
    [left(row.chase_ms, now), "n"], [left(row.unwind_ms, now), "n"], [String(row.tries), "n"],
    reason(row.reason), [row.hedge_id, "id"],
  ]);
  const hidden = it.open - it.rows.length;
  put(by("tickets-more"), hidden > 0 ? t("more_tickets", { shown: it.rows.length, open: it.open, states }) : "");
}

// --- market ---

function drawBooks(market) {
  for (const leg of ["perp", "spot"]) {
    const book = market[leg], body = by(leg).tBodies[0];
    if (!book) { fillRows(body, [], () => []); continue; }
    const mine = (side, price) => book.ours[side] !== undefined && Number(book.ours[side]) === Number(price);
    const lines = [...book.asks].reverse().map(([price, qty]) => ({ price, qty, side: "sell" }));
    lines.push(...book.bids.map(([price, qty], at) => ({ price, qty, side: "buy", touch: at === 0 })));
    fillRows(body, lines, (line) => [
      [mine(line.side, line.price) ? "▶" : "", "mark"], [line.price, "n"], [line.qty, "n"],
    ], (line) => [line.touch ? "touch" : "", mine(line.side, line.price) ? "ours" : ""].join(" ").trim());
  }
}

function drawMarket(view, now) {
  const { basis_bps, funding, pair } = view.market;
  const rate = funding ? `${cut(Number(funding.rate) * 100, 4)} %` : "–";
  const next = funding?.next_ms ? t("in", { span: span(funding.next_ms - now) }) : "";
  fillPairs(by("market"), [
    [t("basis"), basis_bps === null ? "–" : `${cut(basis_bps, 2)} bps`],
    [t("funding"), [rate, next].filter(Boolean).join("  ")],
    [t("pair"), [pair.state, pair.why ? reason(pair.why) : ""].filter(Boolean).join(": ")],
  ]);
}

function drawQuotes(view, now) {
  fillRows(by("quotes-rows"), view.quotes, (it) => [
    t(it.side), it.skipped && !it.price ? `${it.state}: ${reason(it.skipped)}` : [it.state, it.order].filter(Boolean).join(" · "),
    [it.price ?? "–", "n"], [it.left ?? "–", "n"], [it.placed_ms ? span(now - it.placed_ms) : "–", "n"],
  ]);
  put(by("orders-open"), String(view.orders.open));
  fillRows(by("orders-rows"), view.orders.rows.slice(0, 12), (it) => [
    it.leg, it.state, t(it.side), [`${it.left} @ ${it.price}`, "n"], [span(now - it.sent_ms), "n"],
  ]);
  const hidden = view.orders.open - Math.min(view.orders.rows.length, 12);
  put(by("orders-more"), hidden > 0 ? t("more_orders", { hidden }) : "");
}

// --- exposure, results ---

function share(limit) {
  if (limit.value === null || limit.limit === null) return 0;
  const [value, bound] = [Number(limit.value), Number(limit.limit)];
  return limit.at_least ? (value > 0 ? bound / value : 1) : value / bound;
}

function drawExposure(view) {
  const units = { base: view.run.base_coin, quote: view.run.quote_coin, bps: "bps", count: "" };
  fillList(by("limits"), view.exposure.limits, () => {
    const li = element("li"), line = element("div", "line"), bar = element("div", "bar");
    line.append(element("span"), element("span"));
    bar.append(element("i"));
    bar.setAttribute("role", "meter");
    li.append(line, bar);
    return li;
  }, (li, it) => {
    const part = share(it), unit = units[it.unit];
    const level = part >= 1 ? "over" : part >= 0.8 ? "near" : "fine";
    const word = level === "fine" ? "" : `▲ ${t(`level_${level}`)} `;
    const bound = it.limit === null ? t("no_limit") : t(it.at_least ? "at_least" : "of", { limit: cut(it.limit, 8) });
    put(li.firstChild.firstChild, t(`limit_${it.name}`));
    put(li.firstChild.lastChild, `${word}${cut(it.value, 4)} ${bound} ${unit}`.trim());
    li.firstChild.lastChild.className = level === "fine" ? "" : level === "near" ? "warn" : "bad";
    const bar = li.lastChild;
    bar.dataset.level = level;
    bar.firstChild.style.width = `${Math.min(part, 1) * 100}%`;
    bar.setAttribute("aria-label", t(`limit_${it.name}`));
    bar.setAttribute("aria-valuenow", String(Math.round(Math.min(part, 1) * 100)));
    bar.setAttribute("aria-valuetext", `${it.value ?? "–"} ${bound} ${unit}`);
  });
  const e = view.exposure;
  fillPairs(by("held"), [
    [t("spot_change"), `${cut(e.spot_change, 8)} ${view.run.base_coin}`],
    [t("dust"), `${cut(e.dust, 8)} ${view.run.base_coin}`],
    [t("margin_free"), `${cut(e.margin_free, 2)} ${view.run.quote_coin}`],
    [t("liquidation_price"), cut(e.liquidation_price, 2)],
  ]);
}

function drawPnl(view) {
  const { day, run } = view.pnl;
  const cell = (row, name) => {
    const text = money(name === "fees" && row[name] !== null ? String(-Number(row[name])) : row[name]);
    return [text, `n ${text.startsWith("−") ? "bad" : text.startsWith("+") ? "good" : ""}`.trim()];
  };
  fillRows(by("pnl-rows"), PNL, (name) => [t(`pnl_${name}`), cell(day, name), cell(run, name)], (name) => (name === "net" ? "sum" : ""));
  const coins = Object.entries(run.fees_by_coin).map(([coin, fee]) => `${cut(fee, 8)} ${coin}`).join(", ");
  put(by("fee-coins"), t("pnl_notes", { coins: coins || "–", quotes: run.quotes, filled: run.quotes_filled, perp: run.perp_fills, spot: run.spot_fills }));
}

function drawLatency(it) {
  const ms = (value) => (value === null ? "–" : `${value} ms`);
  fillPairs(by("latencies"), [["p50", ms(it.p50_ms)], ["p99", ms(it.p99_ms)], [t("largest"), ms(it.max_ms)], [t("hedges"), String(it.hedged)]]);
  put(by("latency-last"), it.last_ms.length ? it.last_ms.join("  ") : "–");
}

function drawFeeds(feeds, now) {
  fillRows(by("feeds-rows"), feeds, (it) => [
    t(`feed_${it.name}`), [`${it.fresh ? "●" : "▲"} ${it.state}`, it.fresh ? "good" : "bad"],
    [it.heard_ms ? span(Math.max(now - it.heard_ms, 0)) : "–", "n"], [span(it.stale_ms), "n"],
  ]);
}

// --- machines ---

const edgesSeen = new Map();

export function drawPictures(pictures) {
  const box = by("pictures");
  box.replaceChildren();
  edgesSeen.clear();
  for (const [name, svg] of Object.entries(pictures)) {
    const figure = element("figure"), caption = element("figcaption");
    figure.dataset.machine = name;
    caption.textContent = name;
    const drawn = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    figure.append(caption, document.importNode(drawn, true));
    box.append(figure);
  }
}

function drawMachines(machines, now) {
  for (const figure of by("pictures").children) {
    const it = machines[figure.dataset.machine];
    if (!it) continue;
    for (const state of figure.querySelectorAll(".state")) {
      const who = it.who[state.dataset.state];
      state.classList.toggle("lit", who !== undefined);
      put(state.querySelector(".who"), who ?? "");
    }
    for (const edge of figure.querySelectorAll(".edge")) {
      const count = it.edges[edge.dataset.edge] ?? 0, key = `${figure.dataset.machine}/${edge.dataset.edge}`;
      const before = edgesSeen.get(key);
      if (before?.count !== count) edgesSeen.set(key, { count, at: before ? now : 0 });
      edge.classList.toggle("used", count > 0);
      put(edge.querySelector(".count"), count ? String(count) : "");
    }
    const lit = Object.entries(it.who).map(([state, who]) => `${state} ${who}`.trim()).join(", ");
    figure.querySelector("svg").setAttribute("aria-label", `${figure.dataset.machine}: ${lit || "–"}`);
  }
}

// Arrows taken a moment ago stand out, and then no longer.
export function fadeEdges(now) {
  for (const figure of by("pictures").children) {
    for (const edge of figure.querySelectorAll(".edge")) {
      const seen = edgesSeen.get(`${figure.dataset.machine}/${edge.dataset.edge}`);
      edge.classList.toggle("fresh", Boolean(seen?.at) && now - seen.at < FRESH_MS);
    }
  }
}

function drawFooter(view, now) {
  const { run } = view;
  put(by("clock"), t("up", { span: run.started_ms ? span(now - run.started_ms) : "–" }));
  put(by("who"), t("who", { run: run.run, version: run.version, pid: run.pid, guardian: run.guardian_pid ?? "–", session: view.mode.session }));
}
