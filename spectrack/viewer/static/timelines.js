// What happened over time: overlap with the truth, scores and lost frames, importance of bands. A click jumps there.

import { state, element, make, bandName, bandOrder, oldest } from "./state.js";
import { get } from "./server.js";
import { goTo, play } from "./player.js";
import { heat } from "./stage.js";
import { legible, path, prepare } from "./chart.js";

const DASHES = { "-": [], "--": [7, 4], "-.": [7, 3, 2, 3], ":": [2, 3] };
let panels = [];
let importance = {};
const heatMaps = new Map();

// Tracks in the order of their colours, the live one last.
function curves(field) {
  const { about, sequence, live, hidden } = state;
  const found = about.runs.filter((run) => sequence.tracks[run.name] && !hidden.has(run.name))
    .map((run) => ({ ...run, values: sequence.tracks[run.name][field], lost: sequence.tracks[run.name].lost, from: 0 }));
  if (live.item === state.item && live.rows.length && !hidden.has("live")) {
    const lost = live.rows.map((row) => row.lost);
    found.push({ ...about.live, name: "live", values: live.rows.map((row) => row[field] ?? null), lost, from: live.start });
  }
  return found.filter((curve) => curve.values);
}

export async function loadImportance() {
  importance = {};
  heatMaps.clear();
  const { about, item, sequence } = state;
  for (const [place, run] of about.runs.entries()) {
    if (!sequence.tracks[run.name]) continue;
    const { rows } = await get(`sequences/${item}/importance/${place}`);
    if (rows && state.item === item) importance[run.name] = rows;
  }
  buildTimelines();
}

// By run: which frame its rows begin in, and the rows; the live track's among them.
function allImportance() {
  const { live, item } = state;
  const found = Object.fromEntries(Object.entries(importance).map(([name, rows]) => [name, { from: 0, rows }]));
  if (live.item === item && live.rows.some((row) => row.importance)) {
    found.live = { from: live.start, rows: live.rows.map((row) => row.importance || []) };
  }
  return found;
}

// Rows of numbers as a picture, a pixel a frame and band; made anew when there are others.
function heatMap(name, rows, order) {
  const known = heatMaps.get(name);
  if (known && known.rows === rows.length && known.first === rows[0] && known.last === rows[rows.length - 1]) return known.image;
  const values = rows.flat().filter((value) => value !== null);
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  const image = make("canvas", "", { width: rows.length, height: order.length });
  const data = new ImageData(rows.length, order.length);
  rows.forEach((row, frame) => order.forEach((band, place) => {
    if (row[band] === null || row[band] === undefined) return;
    data.data.set(heat((row[band] - low) / (high - low || 1)), 4 * ((order.length - 1 - place) * rows.length + frame));
  }));
  image.getContext("2d").putImageData(data, 0, 0);
  heatMaps.set(name, { rows: rows.length, first: rows[0], last: rows[rows.length - 1], image });
  return image;
}

export function buildTimelines() {
  const { sequence } = state;
  const wanted = [];
  if (sequence.truth && curves("iou").length) wanted.push({ key: "iou", title: "Overlap with the truth (IoU)", draw: (frame) => drawCurves(frame, "iou") });
  if (curves("score").length) wanted.push({ key: "score", title: "Score; bars below: lost", draw: (frame) => drawCurves(frame, "score") });
  for (const name of Object.keys(allImportance())) {
    wanted.push({ key: `bands ${name}`, title: `Importance of bands, ${name === "live" ? "this track" : name}`, draw: (frame) => drawImportance(frame, name) });
  }
  const keys = wanted.map((panel) => panel.key).join("\n");
  if (keys !== panels.map((panel) => panel.key).join("\n")) {
    element("timelines").replaceChildren(...wanted.map(build));
    panels = wanted;
  }
  drawTimelines();
}

function build(panel) {
  const canvas = make("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "slider");
  canvas.setAttribute("aria-label", `${panel.title}: frame`);
  panel.canvas = canvas;
  const jump = (event) => {
    const { left, right } = area(canvas);
    const share = (event.clientX - canvas.getBoundingClientRect().left - left) / (right - left);
    play(false);
    goTo(oldest() + Math.min(Math.max(share, 0), 1) * (state.sequence.frames - 1 - oldest()));
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); jump(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) jump(event); });
  const made = make("div", "", { className: "timeline" });
  made.append(make("h3", panel.title), canvas);
  return made;
}

function area(canvas) {
  const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return { left: 3 * em, right: canvas.clientWidth - 0.5 * em };
}

export function drawTimelines() {
  for (const panel of panels) {
    if (!panel.canvas.clientWidth) continue;
    const plot = { ...prepare(panel.canvas), ...area(panel.canvas) };
    const first = oldest();
    const span = Math.max(state.sequence.frames - 1 - first, 1);
    plot.x = (frame) => plot.left + ((frame - first) / span) * (plot.right - plot.left);
    panel.draw(plot);
    plot.context.strokeStyle = plot.colour("text");
    plot.context.lineWidth = 1.5;
    if (state.frame >= first) path(plot.context, [[plot.x(state.frame), 0], [plot.x(state.frame), plot.height]]);
    panel.canvas.setAttribute("aria-valuemin", String(first));
    panel.canvas.setAttribute("aria-valuemax", String(state.sequence.frames - 1));
    panel.canvas.setAttribute("aria-valuenow", String(state.frame));
    panel.canvas.setAttribute("aria-valuetext", `frame ${state.frame}`);
  }
}

function drawCurves(plot, field) {
  const { context, x, height, em, left, right, colour } = plot;
  const shown = curves(field);
  const rug = field === "score" ? Math.min(0.35 * em, (1.4 * em) / Math.max(shown.length, 1)) : 0;
  const [top, bottom] = [0.7 * em, height - 0.5 * em - rug * shown.length];
  const y = (value) => bottom - Math.min(Math.max(value, 0), 1) * (bottom - top);
  const { truth } = state.sequence;
  context.fillStyle = colour("line");
  if (truth) for (const [start, stop] of spans(truth.hidden)) context.fillRect(x(start - 0.5), top, x(stop - 0.5) - x(start - 0.5), bottom - top);
  context.textAlign = "right";
  for (const value of [0, 0.5, 1]) {
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    path(context, [[left, y(value)], [right, y(value)]]);
    context.fillStyle = colour("quiet");
    context.fillText(String(value), left - 5, y(value));
  }
  shown.forEach((curve, place) => {
    context.strokeStyle = context.fillStyle = legible(curve.colour, colour("text"));
    context.lineWidth = 2;
    context.setLineDash(DASHES[curve.dashes] || []);
    path(context, curve.values.map((value, i) => [x(i + curve.from), value === null ? null : y(value)]));
    context.setLineDash([]);
    if (!rug || !curve.lost) return;
    for (const [start, stop] of spans(curve.lost)) {
      context.fillRect(x(start + curve.from - 0.5), bottom + 0.3 * em + rug * place, Math.max(2, x(stop - start) - x(0)), rug - 1);
    }
  });
}

function drawImportance(plot, name) {
  const { context, x, height, em, left, colour } = plot;
  const found = allImportance()[name];
  if (!found || !found.rows.length) return;
  const { from, rows } = found;
  const order = bandOrder();
  const [top, bottom] = [0.5 * em, height - 0.5 * em];
  context.imageSmoothingEnabled = false;
  context.drawImage(heatMap(name, rows, order), x(from - 0.5), top, x(from + rows.length - 0.5) - x(from - 0.5), bottom - top);
  context.fillStyle = colour("quiet");
  context.textAlign = "right";
  const label = (band) => (state.sequence.wavelengths ? `${state.sequence.wavelengths[band].toFixed(0)}` : bandName(band));
  context.fillText(label(order[order.length - 1]), left - 5, top + 0.3 * em);
  context.fillText(label(order[0]), left - 5, bottom - 0.3 * em);
}

// Runs of true as [first, one past the last].
function spans(flags) {
  const found = [];
  flags.forEach((flag, i) => {
    if (flag && !flags[i - 1]) found.push([i, i + 1]);
    else if (flag) found[found.length - 1][1] = i + 1;
  });
  return found;
}

// The next frame in which any shown track begins to be lost; the first one again after the last.
export function nextLost() {
  const starts = curves("score").flatMap((curve) => (curve.lost ? spans(curve.lost).map(([start]) => start + curve.from) : []));
  const ahead = starts.filter((frame) => frame > state.frame);
  play(false);
  if (starts.length) goTo(Math.min(...(ahead.length ? ahead : starts)));
}
