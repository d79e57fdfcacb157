// The last records, newest first: a bounded list, filtered by kind and by text.

import { put, t, time } from "./text.js";

const KEPT_MAX = 500, SHOWN_MAX = 150;
const KINDS = {
  quiet: (it) => it.event !== "tick",
  all: () => true,
  fills: (it) => it.event === "fill",
  tickets: (it) => it.event === "ticket",
  orders: (it) => it.event.startsWith("order"),
  risk: (it) => ["risk", "alert", "order_reject", "guardian", "log"].includes(it.event),
  states: (it) => ["state", "feed", "session", "pair"].includes(it.event),
  money: (it) => ["pnl", "markout", "fees", "funding"].includes(it.event),
};
const kind = document.getElementById("filter-kind"), text = document.getElementById("filter-text");
const list = document.getElementById("records-rows"), count = document.getElementById("records-count");
let kept = [];

export function forgetRecords() {
  kept = [];
  list.replaceChildren();
}

export function takeRecords(rows) {
  kept = kept.concat(rows).slice(-KEPT_MAX);
  show();
}

export function nameKinds() {
  const chosen = kind.value || "quiet";
  kind.replaceChildren(...Object.keys(KINDS).map((name) => new Option(t(`kind_of_${name}`), name)));
  kind.value = chosen;
  show();
}

function fits(it) {
  const wanted = text.value.trim().toLowerCase();
  return KINDS[kind.value](it) && (!wanted || `${it.event} ${it.mode} ${it.text} ${it.detail} ${it.cycle_id ?? ""}`.toLowerCase().includes(wanted));
}

function show() {
  const all = kept.filter(fits), shown = all.slice(-SHOWN_MAX).reverse();
  const there = new Map([...list.children].map((li) => [li.dataset.n, li]));
  list.replaceChildren(...shown.map((it) => there.get(String(it.n)) ?? made(it)));
  put(count, t("records_count", { shown: shown.length, kept: kept.length }));
}

function made(it) {
  const li = document.createElement("li"), details = document.createElement("details"), summary = document.createElement("summary");
  li.dataset.n = it.n;
  li.dataset.event = it.event;
  const when = document.createElement("time"), what = document.createElement("b"), said = document.createElement("span"), more = document.createElement("pre");
  when.textContent = time(it.at_ms);
  what.textContent = it.event;
  said.textContent = it.text;
  more.textContent = it.detail || "–";
  summary.append(when, what, said);
  details.append(summary, more);
  li.append(details);
  return li;
}

kind.addEventListener("change", show);
text.addEventListener("input", show);
