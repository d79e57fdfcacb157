// Words and figures: what is said in which language, and how numbers and times look.

const LANGUAGES = ["en", "ja"];
let words = { ui: {}, reasons: {}, modes: {}, answers: {}, acts: {} };

export let lang = "en";

export function preferred() {
  const kept = sessionStorage.getItem("lang") ?? localStorage.getItem("lang");
  if (LANGUAGES.includes(kept)) return kept;
  const wanted = (navigator.languages ?? [navigator.language]).map((it) => it.slice(0, 2).toLowerCase());
  return wanted.find((it) => LANGUAGES.includes(it)) ?? "en";
}

export async function speak(wanted) {
  const answer = await fetch(`/words/${wanted}`);
  if (!answer.ok) throw new Error(`words: ${answer.status}`);
  words = await answer.json();
  lang = wanted;
  localStorage.setItem("lang", lang);
  document.documentElement.lang = lang;
  for (const it of document.querySelectorAll("[data-t]")) put(it, t(it.dataset.t));
  for (const it of document.querySelectorAll("[data-lang]")) it.setAttribute("aria-pressed", String(it.dataset.lang === lang));
}

export const t = (key, args) => fill(words.ui[key] ?? key, args);
export const act = (name) => words.acts[name];
export const mode = (name) => words.modes[name] ?? "";

export function reason(code) {
  if (!code) return "";
  if (words.reasons[code]) return words.reasons[code];
  const [head, ...tail] = code.split(":");
  return words.reasons[head] ? t("with_part", { said: words.reasons[head], part: tail.join(":") }) : code;
}

// An answer of the run: in its own English, or by its code where this language has a sentence for it.
export function answer(it) {
  const said = words.answers[it.code];
  if (!said) return it.text;
  const args = { ...it.args };
  for (const name of ["why", "held", "cleared"]) {
    if (args[name]) args[name] = args[name] === "nothing" ? t("nothing") : args[name].split(", ").map(reason).join(t("comma"));
  }
  for (const name of ["perp", "delta", "orders"]) {
    if (["none", "not read"].includes(args[name])) args[name] = t(args[name]);
  }
  return fill(said, args);
}

function fill(text, args) {
  return args ? text.replace(/\{(\w+)\}/g, (_, name) => args[name] ?? "–") : text;
}

// --- figures ---

const two = (value) => String(value).padStart(2, "0");

export function time(ms) {
  const it = new Date(ms);
  return `${two(it.getHours())}:${two(it.getMinutes())}:${two(it.getSeconds())}.${String(it.getMilliseconds()).padStart(3, "0")}`;
}

// A length of time in a few signs: 0.4 s, 12 s, 3:07, 2:15:09.
export function span(ms) {
  if (ms === null || ms === undefined) return "–";
  const minus = ms < 0 ? "−" : "", all = Math.abs(ms);
  if (all < 10_000) return minus + t("sec", { n: (Math.floor(all / 100) / 10).toFixed(1) });
  const sec = Math.floor(all / 1000);
  if (sec < 60) return minus + t("sec", { n: sec });
  const hours = Math.floor(sec / 3600), minutes = Math.floor(sec / 60) % 60;
  return minus + (hours ? `${hours}:${two(minutes)}` : minutes) + `:${two(sec % 60)}`;
}

// Money with a sign of its own, so that no colour is needed to tell a loss.
export function money(text, digits = 4) {
  if (text === null || text === undefined) return "–";
  const value = Number(text);
  const shown = Math.abs(value).toFixed(digits);
  return Number(shown) === 0 ? shown : (value < 0 ? "−" : "+") + shown;
}

export function cut(text, digits) {
  if (text === null || text === undefined) return "–";
  const value = Number(text);
  return value.toFixed(digits).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "").replace("-", "−");
}

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
