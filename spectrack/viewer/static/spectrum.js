// Spectra against wavelength: under the pointer, of the box with its scatter, and kept ones.

import { state, element, bandOrder, liveRow, tell } from "./state.js";
import { get } from "./server.js";
import { legible, path, prepare, ticks } from "./chart.js";

const found = { cursor: null, box: null };
const asking = { cursor: false, box: false };
const asked = { cursor: "", box: "" };

function wanted(kind) {
  const { sequence, item, frame, cursor } = state;
  if (!sequence || sequence.fault || !sequence.bands) return "";
  if (kind === "cursor") return cursor ? `sequences/${item}/spectrum?frame=${frame}&at=${cursor.x},${cursor.y}` : "";
  const shown = chosen();
  return shown.box ? `sequences/${item}/spectrum?frame=${shown.frame}&at=${shown.box.join(",")}` : "";
}

// The box whose spectrum is shown: the drawn one, else that of the track made here in this frame.
function chosen() {
  return state.drawn || { frame: state.frame, box: liveRow(state.frame)?.box };
}

// One question at a time for each: the newest is asked when the last was answered.
async function ask(kind) {
  const path = wanted(kind);
  if (asking[kind] || path === asked[kind] || (state.playing && !state.about.source)) return;
  asking[kind] = true;
  asked[kind] = path;
  try {
    found[kind] = path ? await get(path) : null;
  } catch {
    found[kind] = null; // the picture says what is wrong
  }
  asking[kind] = false;
  tell("spectrum");
  ask(kind);
}

export function askSpectra() {
  ask("cursor");
  ask("box");
}

export function keep() {
  if (!found.box) return;
  const colour = state.about.palette[state.pinned.length % state.about.palette.length];
  state.pinned.push({ ...found.box, ...chosen(), colour, item: state.item });
  tell("box");
}

export function forget() {
  state.pinned = [];
  tell("box");
}

function curves(ink) {
  const shown = state.pinned.filter((pin) => pin.item === state.item)
    .map((pin, place) => ({ ...pin, colour: legible(pin.colour, ink), dashes: [6, 3], name: `kept ${place + 1}` }));
  if (found.box && found.box.pixels) shown.push({ ...found.box, colour: ink, dashes: [], name: "box" });
  if (found.cursor) shown.push({ ...found.cursor, colour: ink, dashes: [2, 3], name: "pointer" });
  return shown;
}

export function drawSpectrum() {
  const sequence = state.sequence;
  element("spectrum").hidden = !(found.cursor || found.box || state.pinned.length);
  const { context, width, height, colour, em } = prepare(element("spectrum"));
  element("keep").disabled = !(found.box && found.box.pixels);
  element("forget").disabled = !state.pinned.length;
  if (!sequence || !sequence.bands) return;
  const order = bandOrder();
  const at = (band) => (sequence.wavelengths ? sequence.wavelengths[band] : band);
  const shown = curves(colour("text"));
  const tops = shown.flatMap((curve) => curve.values.map((value, band) => (value || 0) + (curve.deviation?.[band] || 0)));
  const top = Math.max(1e-9, ...tops) * 1.05;
  const [first, last] = [at(order[0]), at(order[order.length - 1])];
  const area = { left: 3.4 * em, right: width - 0.6 * em, top: 0.6 * em, bottom: height - 2.6 * em };
  const x = (value) => area.left + ((value - first) / (last - first || 1)) * (area.right - area.left);
  const y = (value) => area.bottom - (value / top) * (area.bottom - area.top);
  context.strokeStyle = colour("line");
  context.fillStyle = colour("quiet");
  context.lineWidth = 1;
  context.textAlign = "right";
  for (const value of shown.length ? ticks(0, top, 4) : []) {
    path(context, [[area.left, y(value)], [area.right, y(value)]]);
    context.fillText(String(value), area.left - 5, y(value));
  }
  context.textAlign = "center";
  for (const value of ticks(first, last, Math.floor(width / (4.5 * em)))) context.fillText(String(value), x(value), area.bottom + 0.8 * em);
  context.fillText(sequence.wavelengths ? "wavelength (nm)" : "band, counted from 0", (area.left + area.right) / 2, height - 0.6 * em);
  for (const curve of shown) drawCurve(context, curve, order, (band) => x(at(band)), y);
  element("spectrum-words").textContent = words(shown);
}

function drawCurve(context, curve, order, x, y) {
  const points = order.map((band) => [x(band), curve.values[band] === null ? null : y(curve.values[band])]);
  context.strokeStyle = context.fillStyle = curve.colour;
  if (curve.deviation) {
    context.globalAlpha = 0.2;
    context.beginPath();
    for (const band of order) context.lineTo(x(band), y(curve.values[band] + curve.deviation[band]));
    for (const band of [...order].reverse()) context.lineTo(x(band), y(Math.max(0, curve.values[band] - curve.deviation[band])));
    context.fill();
    context.globalAlpha = 1;
  }
  context.lineWidth = 2;
  context.setLineDash(curve.dashes);
  path(context, points);
  context.setLineDash([]);
}

function words(shown) {
  const unit = state.sequence?.unit || "raw counts";
  if (!shown.length) return `Point into the picture, or draw a box: its mean spectrum and the scatter of its pixels appear here, in ${unit}.`;
  const parts = [];
  for (const curve of shown) {
    if (curve.name === "pointer") parts.push(`dotted: pixel ${state.cursor ? `${state.cursor.x}, ${state.cursor.y}` : "under the pointer"}`);
    else parts.push(`${curve.name === "box" ? `line: mean of the ${state.drawn ? "box" : "track's box"}` : `dashed: ${curve.name}`}, ${curve.pixels} pixels`);
  }
  return `${parts.join("; ")}. In ${unit}; the shade is one standard deviation.`;
}
