// The four actions: each says what it will do, asks again, and shows every answer of the run.

import { act, answer, put, t } from "./text.js";

const by = (id) => document.getElementById(id);
const dialog = by("ask"), yes = by("ask-yes"), no = by("ask-no"), said = by("ask-said"), token = by("token");
let asked = "", busy = false;

// The token comes behind the `#`, which is never sent; it is kept for this tab and taken out of the address.
function takeToken() {
  const told = new URLSearchParams(location.hash.slice(1)).get("token");
  if (told) {
    sessionStorage.setItem("token", told);
    history.replaceState(null, "", location.pathname);
  }
}

export function nameActions() {
  for (const it of document.querySelectorAll("[data-act]")) put(it, act(it.dataset.act)?.name ?? it.dataset.act);
  by("actions").setAttribute("aria-label", t("actions"));
  put(no, t(busy ? "close" : "cancel"));
}

function open(name) {
  asked = name;
  const it = act(name);
  put(by("ask-title"), it.title);
  put(by("ask-lead"), it.lead);
  const does = by("ask-does");
  does.replaceChildren();
  for (const what of ["quotes", "hedging", "position", "process"]) {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = t(`does_${what}`);
    dd.textContent = it[what];
    does.append(dt, dd);
  }
  said.replaceChildren();
  put(yes, it.yes);
  put(no, t("cancel"));
  yes.hidden = false;
  yes.disabled = false;
  token.value = "";
  by("ask-token").hidden = Boolean(sessionStorage.getItem("token"));
  dialog.showModal();
  (by("ask-token").hidden ? no : token).focus();
}

function say(text, name) {
  const li = document.createElement("li");
  li.className = name;
  li.textContent = text;
  said.append(li);
}

async function send() {
  if (token.value.trim()) sessionStorage.setItem("token", token.value.trim());
  yes.disabled = true;
  said.replaceChildren();
  busy = true;
  try {
    const response = await fetch(`/act/${asked}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${sessionStorage.getItem("token") ?? ""}` },
      body: JSON.stringify({ wait_s: asked === "flatten" ? 60 : 30 }),
    });
    if (response.ok) {
      yes.hidden = true;
      put(no, t("close"));
      if (!(await listen(response.body))) say(t("no_last_word"), "failed");
    } else {
      refused((await response.json()).code);
    }
  } catch {
    say(t("no_last_word"), "failed");
  } finally {
    busy = false;
    if (!yes.hidden) yes.disabled = false;
    no.focus();
  }
}

function refused(code) {
  say(t(`refused_${code}`) === `refused_${code}` ? t("refused", { code }) : t(`refused_${code}`), "failed");
  if (code === "wrong_token") {
    sessionStorage.removeItem("token");
    by("ask-token").hidden = false;
    token.value = "";
  }
}

// Shows answers as they come; returns whether one was the last.
async function listen(body) {
  let text = "", ended = false;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return ended;
    text += value;
    const lines = text.split("\n");
    text = lines.pop();
    for (const it of lines.map((line) => JSON.parse(line))) {
      ended ||= it.final;
      say(`${it.final ? (it.ok ? "✓ " : "✕ ") : ""}${answer(it)}`, it.final ? (it.ok ? "done" : "failed") : "");
    }
  }
}

export function beginActions() {
  takeToken();
  window.addEventListener("hashchange", takeToken);
  for (const it of document.querySelectorAll("[data-act]")) it.addEventListener("click", () => open(it.dataset.act));
  by("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy && !yes.hidden) send();
  });
  no.addEventListener("click", () => dialog.close());
}
