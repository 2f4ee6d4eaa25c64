// The track that is made here: from a box on, live, stopped, corrected, saved.

import { state, element, liveRow, make, showFault, showRemarks, tell } from "./state.js";
import { listen, post } from "./server.js";
import { fetchMap, mapKey } from "./maps.js";
import { goTo, play } from "./player.js";
import { isOver, sourceHint, sourceStatus } from "./source.js";
import { setBox, setMap } from "./stage.js";

// Name, what it means, and how it is written where it is no share of 1.
const FACTS = {
  state: ["state", "What the tracker believes: it sees the object, perhaps, no longer (lost), or again (found again)."],
  score: ["score", "The tracker's own confidence in this box, from 0 to 1."],
  probability: ["on target", "The chance that the box is on the object at all, as it came true on other clips."],
  iou: ["IoU", "Overlap with the truth: shared area over joint area, 1 for the same box."],
  latency_ms: ["latency", "From the frame's capture to its box.", (value) => `${value.toFixed(1)} ms`],
  dropped: ["dropped", "Frames that came too fast and were not looked at, up to this one.", String],
};
const PHASES = {
  loading: "Loading the tracker …", searching: "Searching …", waiting: "", tracking: "Tracking", stopped: "Stopped", done: "Tracked to the end", failed: "",
};
let shownMap = "";

const busy = () => ["loading", "searching", "tracking"].includes(state.live.phase);
const goesOn = () => {
  const { live, drawn, item, about } = state;
  return !about.source && drawn && live.rows.length && live.item === item && drawn.frame > live.start && drawn.frame <= live.start + live.rows.length;
};

export function setUpTracking() {
  const { about } = state;
  element("tracker").replaceChildren(...about.trackers.map((one) => make("option", `${one.label} (${one.name})`, { value: one.name })));
  element("tracker").value = about.tracker;
  element("tracker").addEventListener("change", showTracker);
  showTracker();
  element("save-folder").textContent = about.folder;
  element("save-overlay").checked = about.overlay;
  if (about.name) Object.assign(element("save-name"), { value: about.name, readOnly: true });
  element("track").addEventListener("click", startTracking);
  element("correct").addEventListener("click", correct);
  element("drop").addEventListener("click", dropBox);
  element("save").addEventListener("click", save);
  element("another").addEventListener("click", () => act("track", { sequence: state.item, frame: state.frame, box: null }));
  element("map").addEventListener("change", () => { state.map = element("map").value; showRow(); });
  element("opacity").addEventListener("input", () => { state.opacity = element("opacity").value / 100; tell("stage"); });
  for (const id of ["box-x", "box-y", "box-w", "box-h"]) element(id).addEventListener("change", takeNumbers);
  const lost = (sentence) => { if (isOver()) return events.close(); showFault(sentence); state.live.phase = busy() ? "failed" : state.live.phase; showTracking(); };
  const events = listen({ begin: begin, rows: addRows, status: (told) => { take(told); } }, lost, showRemarks);
  window.addEventListener("beforeunload", (event) => { if (!about.source && state.live.rows.length && !state.live.saved_to) event.preventDefault(); });
}

function showTracker() {
  const chosen = state.about.trackers.find((one) => one.name === element("tracker").value);
  element("tracker-about").textContent = chosen.summary;
  element("profile").replaceChildren(...chosen.profiles.map((name, place) => make("option", place ? name : `${name} (usual)`, { value: name })));
  element("profile-label").hidden = chosen.profiles.length < 2;
}

// A number that was not touched keeps all its digits.
function takeNumbers(event) {
  const names = ["box-x", "box-y", "box-w", "box-h"];
  const box = names.map((id, place) => (state.drawn && id !== event.target.id ? state.drawn.box[place] : parseFloat(element(id).value)));
  if (box.every(Number.isFinite) && box[2] > 0 && box[3] > 0) setBox(box, state.drawn ? state.drawn.frame : state.frame);
}

async function act(path, values) {
  showFault("");
  try {
    return await post(path, values);
  } catch (error) {
    showFault(error.message);
    return null;
  }
}

export async function startTracking() {
  if (busy() || !state.drawn) return;
  play(false);
  const { item, drawn } = state;
  const profile = element("profile").value || null;
  element("follow").checked = true;
  await act("track", { sequence: item, frame: drawn.frame, box: drawn.box, tracker: element("tracker").value, profile });
}

export async function stopTracking() {
  if (!element("stop").disabled) await act("stop");
}

export function correct() {
  const row = liveRow(state.frame);
  if (!row || !row.box || busy()) return;
  setBox(row.box);
  element("stage").focus();
}

export function dropBox() {
  state.drawing = null;
  setBox(null);
}

async function save() {
  element("save").disabled = true;
  element("status").textContent = "Saving …";
  await act("save", { name: element("save-name").value, overlay: element("save-overlay").checked });
  showTracking();
}

function begin(told) {
  const kept = state.live.rows.slice(0, told.kept);
  state.live = { ...state.live, ...told, rows: kept, start: told.start ?? 0, gone: 0, held: null, item: told.item ?? -1 };
  if (told.kept === 0 && told.tracker && !state.about.name) element("save-name").value = freeName(told);
  if (state.drawn && busy()) setBox(null);
  if (state.about.source) play(told.phase === "tracking");
  tell("live");
}

function freeName(told) {
  return `${state.about.sequences[told.item]}-${told.tracker}`.replace(/[^\w.&+-]/g, "_").replace(/^\.+/, "") || "track";
}

function addRows({ first, rows, gone }) {
  const { live, about } = state;
  const shown = liveRow(state.frame);
  live.rows.splice(0, gone - live.gone);
  live.start += gone - live.gone;
  live.gone = gone;
  live.held = shown && state.frame < live.start ? { frame: state.frame, row: shown } : null; // while it is looked at
  live.rows.splice(first - gone, live.rows.length, ...rows);
  if (live.phase === "loading") live.phase = "tracking";
  const newest = live.start + live.rows.length - 1;
  if (about.source) state.sequence.frames = newest + 1; // shown as soon as its picture is here, see source.js
  else if (busy() && element("follow").checked && live.item === state.item && !state.playing) goTo(newest);
  tell("live");
}

function take(told) {
  state.live = { ...state.live, ...told, start: state.live.rows.length ? state.live.start : told.start ?? 0 };
  if (state.about.source && !state.live.rows.length && !state.sequence.fault) state.sequence.frames = Math.max(told.frames, 1);
  if (told.phase === "failed" && told.message) showFault(told.message);
  tell("live");
}

export function showBox() {
  const { drawn } = state;
  ["x", "y", "w", "h"].forEach((name, place) => { element(`box-${name}`).value = drawn ? Number(drawn.box[place].toFixed(2)) : ""; });
  element("drop").disabled = !drawn;
  showTracking();
}

export function showTracking() {
  const { live, drawn, item } = state;
  const [from, here] = [goesOn(), live.item === item && live.rows.length];
  const { source } = state.about;
  const waits = live.phase === "waiting";
  element("track").disabled = busy() || !drawn || Boolean(state.sequence?.fault) || Boolean(source && !waits);
  element("another").hidden = !(source && waits);
  element("play").disabled = Boolean(source && !live.rows.length);
  element("track").textContent = from ? `Go on from frame ${drawn.frame}` : "Track";
  element("stop").disabled = !busy() && !waits;
  element("correct").disabled = busy() || Boolean(source) || !liveRow(state.frame)?.box;
  element("save").disabled = busy() || !live.rows.length;
  element("live").hidden = !live.rows.length;
  element("track-hint").textContent = source ? sourceHint() : hint(from, here);
  element("saving").hidden = busy() || Boolean(source);
  element("save-place").hidden = Boolean(source);
  if (source) { element("status").textContent = sourceStatus(); return; }
  const count = live.rows.length ? `, ${live.rows.length} of ${live.frames - live.start} frames` : "";
  const plain = /^[\w.\/~-]+$/.test(live.saved_to); // a path that can be typed as it is
  const next = plain ? ` Next: spectrack report ${live.saved_to} --out report` : "";
  const end = state.about.name ? " Close this page, and the command ends." : next;
  const score = typeof live.auc === "number" ? `, success score (AUC) ${live.auc.toFixed(3)} against the truth` : "";
  const saved = live.saved_to ? `. Saved in ${live.saved_to}${score}.${end}` : "";
  const where = live.item >= 0 && live.item !== item ? ` in ${state.about.sequences[live.item]}` : "";
  element("status").textContent = live.phase === "none" || live.phase === "failed" ? saved.slice(2) : `${PHASES[live.phase]}${where}${count}${saved}`;
}

function hint(from, here) {
  if (busy()) return "Stop to correct the box in a frame, and go on from there.";
  if (from) return `The frames before ${state.drawn.frame} stay as they are; those from there on are tracked anew.`;
  if (state.drawn) return `Box in frame ${state.drawn.frame}: press Track.`;
  if (here) return "Draw a box in a frame, or take the track's own and correct it, to go on from there.";
  return "Draw a box around the object, then press Track.";
}

export function showRow() {
  const row = liveRow(state.frame);
  const facts = row ? Object.keys(FACTS).map((field) => [field, row[field]]) : [];
  element("live-facts").replaceChildren(...facts.filter(([, value]) => value !== null && value !== undefined).flatMap(fact));
  const weights = (row && row.weights) || [];
  element("weights").replaceChildren(...weights.map(({ name, weight }) => {
    const made = make("div", "", { className: "weight" });
    const bar = make("meter", "", { min: 0, max: 1, value: weight });
    bar.setAttribute("aria-label", name);
    made.append(make("span", name), bar, make("span", weight.toFixed(2)));
    return made;
  }));
  showMaps(row);
}

function fact([field, value]) {
  const [name, title, written] = FACTS[field];
  const term = make("dt");
  term.append(make("abbr", name, { title }));
  const isShare = typeof value === "number" && !written;
  const said = make("dd", written ? written(value) : isShare ? value.toFixed(2) : value);
  if (isShare) {
    const bar = make("meter", "", { min: 0, max: 1, value: Math.min(Math.max(value, 0), 1) });
    bar.setAttribute("aria-label", name);
    said.append(" ", bar);
  }
  return [term, said];
}

async function showMaps(row) {
  const names = (row && row.maps) || [];
  const select = element("map");
  if (names.length && names.join() !== select.dataset.names) {
    select.dataset.names = names.join();
    select.replaceChildren(make("option", "none", { value: "" }), ...names.map((name) => make("option", state.about.maps[name] || name, { value: name })));
    select.value = names.includes(state.map) ? state.map : "";
    state.map = select.value;
  }
  const key = mapKey(state.frame);
  if (!state.map || !names.includes(state.map)) { shownMap = ""; element("map-about").textContent = ""; return setMap("", null); }
  if (key === shownMap) return undefined;
  shownMap = key;
  const found = await fetchMap(state.frame);
  if (shownMap !== key) return undefined;
  if (found) element("map-about").textContent = `Dark ${found.low.toPrecision(3)}, bright ${found.high.toPrecision(3)}.`;
  return setMap(key, found);
}
