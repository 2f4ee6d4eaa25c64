// Puts the page together: what is shown of which sequence, in which colours, and which key does what.

import { state, element, make, on, tell, bandName, bandOrder, oldest, showFault, showRemarks } from "./state.js";
import { get } from "./server.js";
import { forgetPictures, want } from "./frames.js";
import { goTo, play, setUpPlayer } from "./player.js";
import { drawStage, fit, setBox, setUpStage, stageKey, zoom } from "./stage.js";
import { setUpSource, showNewest, sourcePlace } from "./source.js";
import { askSpectra, drawSpectrum, forget, keep } from "./spectrum.js";
import { buildTimelines, drawTimelines, loadImportance, nextLost } from "./timelines.js";
import { correct, dropBox, setUpTracking, showBox, showRow, showTracking, startTracking, stopTracking } from "./tracking.js";

const RULES = {
  own: ["Pictures of the data", "The false-colour images that come with the frames, or the footage as it is."],
  thirds: ["Thirds of the bands", "Red, green and blue are the means of the long, middle and short third of the bands."],
  cie: ["As an eye sees it", "The bands between 400 and 700 nm weighted as the CIE's standard observer does."],
  pca3: ["Principal components", "The three directions in which the spectra of the first frame differ most."],
  triple: ["Three bands", "One band for each of red, green and blue."],
  single: ["One band", "One band as grey."],
};

// Everything is drawn at most once between two pictures of the screen.
const dirty = new Set();
function later(...draws) {
  if (!dirty.size) requestAnimationFrame(() => { const now = [...dirty]; dirty.clear(); if (state.sequence) now.forEach((draw) => draw()); });
  draws.forEach((draw) => dirty.add(draw));
}

async function openItem(item) {
  play(false);
  forgetPictures();
  Object.assign(state, { item, frame: 0, cursor: null, drawn: null, drawing: null });
  state.sequence = await describe(item);
  const { sequence } = state;
  if (state.about.source) state.frame = sequence.frames - 1;
  element("name").textContent = sequence.name;
  document.title = `${sequence.name} – spectrack view`;
  element("facts").textContent = facts(sequence);
  showRemarks();
  setUpModes();
  buildLegend();
  if (sequence.width) {
    element("stage").style.aspectRatio = `${sequence.width} / ${sequence.height}`;
    fit();
  }
  loadImportance().catch((error) => showFault(error.message));
  if (item === 0 && state.about.box) setBox(state.about.box);
  for (const topic of ["frame", "box", "live"]) tell(topic);
  want(state.frame);
}

// Of a source the first frame may be long in coming; the answer then says so after a while, and it is asked again.
async function describe(item) {
  for (;;) {
    const sequence = await get(`sequences/${item}`);
    element("stop").disabled = !sequence.waits;
    if (!sequence.waits) return sequence;
    element("name").textContent = sequence.name;
    element("facts").textContent = "no frame has come yet; this page goes on when one does; Stop, or Ctrl-C in the terminal, ends";
  }
}

function facts(sequence) {
  if (!sequence.width) return `${sequence.frames} frames`;
  const count = state.about.source ? "A source: frames" : `${sequence.frames} frames`;
  const waves = sequence.wavelengths;
  const range = waves ? `, ${Math.min(...waves).toFixed(0)} to ${Math.max(...waves).toFixed(0)} nm` : "";
  return `${count} of ${sequence.width} × ${sequence.height} pixels, ${sequence.bands} bands${range}`;
}

// --- colours

function setUpModes() {
  const { sequence } = state;
  const bands = sequence.bands || 0;
  const known = [...sequence.rules, ...(bands >= 3 ? ["triple"] : []), ...(bands ? ["single"] : [])];
  element("mode").replaceChildren(...known.map((rule) => make("option", RULES[rule][0], { value: rule })));
  const order = bands ? bandOrder() : [];
  const choices = () => order.map((band) => make("option", bandName(band), { value: String(band) }));
  for (const id of ["red", "green", "blue"]) element(id).replaceChildren(...choices());
  if (bands >= 3) [element("red").value, element("green").value, element("blue").value] = [5, 3, 1].map((part) => String(order[Math.floor((part * bands) / 6)]));
  element("band").max = String(Math.max(bands - 1, 0));
  element("band").value = String(Math.floor(bands / 2));
  if (known.length) chooseColours();
}

function chooseColours() {
  const mode = element("mode").value;
  element("bands").hidden = mode !== "triple";
  element("single").hidden = mode !== "single";
  element("mode-about").textContent = RULES[mode][1];
  const band = bandOrder()[Number(element("band").value)];
  element("band-name").textContent = bandName(band);
  element("band").setAttribute("aria-valuetext", bandName(band));
  const three = ["red", "green", "blue"].map((id) => element(id).value).join(",");
  state.rule = { triple: `triple(${three})`, single: `triple(${band},${band},${band})` }[mode] || mode;
  want(state.frame);
}

// --- which boxes are shown

function buildLegend() {
  const { about, sequence } = state;
  const rows = [];
  if (sequence.truth) rows.push(["truth", "truth", sequence.truth.colour]);
  for (const run of about.runs) if (sequence.tracks[run.name]) rows.push([run.name, run.name, run.colour]);
  rows.push(["live", about.source ? "the tracker" : "the track made here", about.live.colour]);
  element("legend").replaceChildren(...rows.map(([key, name, colour]) => {
    const [item, label, box, swatch] = [make("li"), make("label"), make("input", "", { type: "checkbox", checked: !state.hidden.has(key) }), make("span", "", { className: "swatch" })];
    swatch.style.borderColor = colour === "#000000" ? "currentColor" : colour;
    box.addEventListener("change", () => { state.hidden[box.checked ? "delete" : "add"](key); tell("stage"); buildTimelines(); });
    label.append(box, swatch, make("bdi", name));
    const failure = sequence.tracks[key]?.failure;
    item.append(label, ...(failure ? [make("p", `It failed: ${failure}`, { className: "quiet" })] : []));
    return item;
  }));
}

function showPlace() {
  const { frame, sequence, cursor } = state;
  Object.assign(element("scrub"), { min: String(oldest()), max: String(sequence.frames - 1), value: String(frame) });
  element("place").textContent = state.about.source ? sourcePlace() : `frame ${frame} (${frame + 1} of ${sequence.frames})`;
  element("readout").textContent = cursor ? `pixel ${cursor.x}, ${cursor.y}` : "";
  element("stage").setAttribute("aria-label", `Frame ${frame} of ${sequence.name}`);
}

// --- keys

const KEYS = {
  " ": () => play(), ArrowLeft: (event) => step(event, -1), ArrowRight: (event) => step(event, 1),
  Home: () => element("first").click(), End: () => element("last").click(),
  "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: () => fit(),
  l: nextLost, t: startTracking, s: stopTracking, e: correct, Escape: dropBox,
};

function step(event, direction) {
  play(false);
  goTo(state.frame + direction * (event.shiftKey ? 10 : 1));
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !state.sequence) return;
  const target = event.target;
  const writes = target.matches("input[type=text], input[type=number], select");
  const takesArrows = writes || target.matches("input[type=range], input[type=radio]");
  if (writes || (takesArrows && /^(Arrow|Home|End)/.test(event.key))) return;
  if (event.key === " " && target.matches("button, summary, input")) return;
  const act = target === element("stage") && stageKey(event) ? () => {} : KEYS[event.key] || KEYS[event.key.toLowerCase()];
  if (!act) return;
  act(event);
  event.preventDefault();
}

async function start() {
  state.about = await get("about");
  const { about } = state;
  element("item").replaceChildren(...about.sequences.map((name, place) => make("option", name, { value: String(place) })));
  element("chooser").hidden = about.sequences.length < 2;
  element("item").addEventListener("change", () => openItem(Number(element("item").value)).catch((error) => showFault(error.message)));
  setUpPlayer();
  setUpStage();
  element("stop").addEventListener("click", stopTracking);
  for (const id of ["mode", "red", "green", "blue"]) element(id).addEventListener("change", chooseColours);
  element("band").addEventListener("input", chooseColours);
  for (const id of ["brightness", "contrast"]) element(id).addEventListener("input", () => { state[id] = Number(element(id).value); tell("stage"); });
  element("keep").addEventListener("click", keep);
  element("forget").addEventListener("click", forget);
  document.addEventListener("keydown", key);
  on("frame", () => later(drawStage, showPlace, drawTimelines, showRow, showTracking, askSpectra));
  on("picture stage", () => later(drawStage));
  on("cursor", () => later(drawStage, showPlace, askSpectra));
  on("box", () => later(drawStage, showBox, askSpectra, drawSpectrum));
  on("spectrum", () => later(drawSpectrum));
  on("live", () => later(drawStage, showPlace, buildTimelines, showRow, showTracking, askSpectra));
  const again = () => later(drawSpectrum, drawTimelines, drawStage);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  window.addEventListener("resize", again);
  await openItem(0);
  if (about.source) setUpSource();
  if (about.source) on("live picture", showNewest);
  setUpTracking();
}

start().catch((error) => showFault(error.message));
