// The page: takes the stream, keeps the newest view, and says so when it is no longer told anything.

import { beginActions, nameActions } from "./act.js";
import { draw, drawPictures, fadeEdges } from "./draw.js";
import { forgetRecords, nameKinds, takeRecords } from "./records.js";
import { preferred, put, speak, span, t } from "./text.js";

const LATE_MS = 4000, RETRY_MS = 1500;
const link = document.getElementById("link");
let view = null, skew = 0, heard = 0, source = null, ended = null;

const now = () => Date.now() + skew;

function say(state, text) {
  if (link.dataset.state !== state) link.dataset.state = state;
  put(link, text);
  document.body.classList.toggle("lost", state === "lost" || state === "ended");
}

function connect() {
  source?.close();
  source = new EventSource("/stream");
  source.addEventListener("hello", (event) => {
    ended = null;
    forgetRecords();
    view = null;
    drawPictures(JSON.parse(event.data).machines);
  });
  source.addEventListener("frame", (event) => {
    const frame = JSON.parse(event.data);
    const { records, ...parts } = frame;
    const changed = new Set(view ? Object.keys(parts) : Object.keys(parts).concat("run"));
    view = { ...view, ...parts };
    heard = Date.now();
    skew = view.at_ms - heard;
    if (records) takeRecords(records);
    draw(view, changed, now());
    say("live", t("live"));
  });
  source.addEventListener("ended", (event) => {
    ended = JSON.parse(event.data);
  });
  source.onerror = () => {
    lost();
    // The browser comes back by itself after a cut, but not after a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  };
}

function lost() {
  if (ended) say("ended", t("ended", { status: ended.status ?? "–", reason: ended.reason || "–" }));
  else say("lost", heard ? t("lost", { span: span(Date.now() - heard) }) : t("opening"));
}

function watch() {
  const quiet = Date.now() - heard;
  if (heard && source.readyState === EventSource.OPEN && quiet > LATE_MS) say("late", t("late", { span: span(quiet) }));
  else if (source.readyState !== EventSource.OPEN) lost();
  fadeEdges(now());
}

async function use(wanted) {
  await speak(wanted);
  nameActions();
  nameKinds();
  if (view) draw(view, new Set(Object.keys(view)), now());
}

async function begin() {
  beginActions();
  for (const it of document.querySelectorAll("[data-lang]")) it.addEventListener("click", () => use(it.dataset.lang));
  await use(preferred());
  say("opening", t("opening"));
  connect();
  setInterval(watch, 500);
}

begin();
