// The picture: zoom and pan, boxes, evidence map, cross hair, and drawing a box by mouse, finger or keyboard.

import { state, element, liveRow, make, tell } from "./state.js";
import { picture } from "./frames.js";
import { mapKey } from "./maps.js";

const canvas = element("stage");
const view = { scale: 1, x: 0, y: 0, fits: true };
const DASHES = { "-": [], "--": [7, 4], "-.": [7, 3, 2, 3], ":": [2, 3] };
const HANDLE = 8;
let tool = "box";
let grip = null; // what the pointer holds: a corner or edge of the box, the whole box, a new one, or the picture
const fingers = new Map();
const overlay = { key: "", image: null, region: null };

const size = () => ({ width: canvas.clientWidth, height: canvas.clientHeight });
const toPixels = (x, y) => [(x - view.x) / view.scale, (y - view.y) / view.scale];
const toScreen = (x, y) => [x * view.scale + view.x, y * view.scale + view.y];
const toolIs = (event) => (event.button === 1 || event.button === 2 || event.ctrlKey ? "move" : tool);

export function fit() {
  const { width, height } = size();
  const { width: w, height: h } = state.sequence;
  if (!w) return;
  view.scale = Math.min(width / w, height / h);
  view.x = (width - w * view.scale) / 2;
  view.y = (height - h * view.scale) / 2;
  view.fits = true;
  tell("stage");
}

export function zoom(factor, at = null) {
  const { width, height } = size();
  const [x, y] = at || (state.cursor ? toScreen(state.cursor.x + 0.5, state.cursor.y + 0.5) : [width / 2, height / 2]);
  const scale = Math.min(Math.max(view.scale * factor, 0.05), 80);
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  view.fits = false;
  tell("stage");
}

function strokeBox(context, box, colour, { dashes = [], width = 2, grow = 0 } = {}) {
  if (!box) return;
  const [x, y] = toScreen(box[0], box[1]);
  const [w, h] = [box[2] * view.scale, box[3] * view.scale];
  const place = [x - grow, y - grow, w + 2 * grow, h + 2 * grow];
  context.setLineDash([]);
  // A seam in the opposite shade keeps every colour legible on every ground.
  context.strokeStyle = colour === "#000000" ? "#ffffffb0" : "#000000a0";
  context.lineWidth = width + 2;
  context.strokeRect(...place);
  context.setLineDash(dashes);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.strokeRect(...place);
  context.setLineDash([]);
}

export function drawStage() {
  const { width, height } = size();
  const density = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * density) || canvas.height !== Math.round(height * density)) {
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
  }
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  const sequence = state.sequence;
  if (!sequence || !sequence.width) return;
  const shown = picture(state.frame) || drawStage.last;
  const [x, y, w, h] = [view.x, view.y, sequence.width * view.scale, sequence.height * view.scale];
  context.imageSmoothingEnabled = view.scale * density < 2;
  // Steps of a tenth of an octave; the counts stay what they are.
  context.filter = state.brightness || state.contrast ? `brightness(${2 ** (state.brightness / 10)}) contrast(${2 ** (state.contrast / 10)})` : "none";
  try {
    if (shown) context.drawImage(shown, x, y, w, h);
  } catch { /* the picture was given up since */ }
  context.filter = "none";
  drawStage.last = picture(state.frame) || drawStage.last;
  drawMap(context);
  drawBoxes(context, sequence);
  drawCursor(context);
}

function drawBoxes(context, sequence) {
  const { frame, hidden, about } = state;
  if (sequence.truth && !hidden.has("truth")) {
    strokeBox(context, sequence.truth.boxes[frame], sequence.truth.colour, { grow: 2.5 });
  }
  for (const [place, run] of about.runs.entries()) {
    const track = sequence.tracks[run.name];
    if (!track || hidden.has(run.name)) continue;
    const lost = track.lost && track.lost[frame];
    strokeBox(context, track.boxes[frame], run.colour, { dashes: lost ? [4, 5] : DASHES[run.dashes] || [], grow: -2 * (place % 3) }); // those that coincide lie side by side
  }
  const row = liveRow(frame);
  if (row && !hidden.has("live")) {
    if (row.window) strokeBox(context, row.window, "#ffffff", { dashes: [2, 5], width: 1 });
    strokeBox(context, row.box, about.live.colour, { dashes: row.lost ? [4, 5] : [], width: 2.5, grow: -1 });
  }
  for (const pin of state.pinned) if (pin.frame === frame) strokeBox(context, pin.box, pin.colour, { width: 1.5 });
  if (state.drawn) {
    const here = state.drawn.frame === frame;
    strokeBox(context, state.drawn.box, "#ffffff", { dashes: here ? [] : [2, 4], width: here ? 2 : 1 });
    if (here) for (const [cx, cy] of corners(state.drawn.box)) drawHandle(context, ...toScreen(cx, cy));
  }
}

function drawHandle(context, x, y) {
  context.fillStyle = "#000000";
  context.fillRect(x - 5, y - 5, 10, 10);
  context.fillStyle = "#ffffff";
  context.fillRect(x - 3.5, y - 3.5, 7, 7);
}

function drawCursor(context) {
  if (!state.cursor) return;
  const [x, y] = toScreen(state.cursor.x + 0.5, state.cursor.y + 0.5);
  for (const [colour, width] of [["#000000a0", 3], ["#ffffff", 1]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 11 * dx, y + 11 * dy);
    }
    context.stroke();
  }
}

// --- the map of the tracker's evidence

export function setMap(key, map) {
  overlay.key = key;
  overlay.image = null;
  if (map) {
    const drawn = make("canvas", "", { width: map.columns, height: map.rows });
    const image = new ImageData(map.columns, map.rows);
    const steps = atob(map.steps);
    for (let i = 0; i < steps.length; i += 1) image.data.set(heat(steps.charCodeAt(i) / 255), 4 * i);
    drawn.getContext("2d").putImageData(image, 0, 0);
    Object.assign(overlay, { image: drawn, region: map.region });
  }
  tell("stage");
}

// Black, violet, orange, pale yellow: rises in brightness, so that it reads without colours too.
const STOPS = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
export function heat(value) {
  const place = Math.min(Math.max(value, 0), 1) * (STOPS.length - 1);
  const low = Math.min(Math.floor(place), STOPS.length - 2);
  return [...STOPS[low].map((part, i) => Math.round(part + (STOPS[low + 1][i] - part) * (place - low))), 255];
}

function drawMap(context) {
  if (!overlay.image || overlay.key !== mapKey(state.frame) || state.hidden.has("live")) return;
  const [x, y, w, h] = overlay.region;
  context.globalAlpha = state.opacity;
  context.imageSmoothingEnabled = false;
  context.drawImage(overlay.image, ...toScreen(x, y), w * view.scale, h * view.scale);
  context.globalAlpha = 1;
}

// --- drawing a box

const corners = ([x, y, w, h]) => [[x, y], [x + w, y], [x, y + h], [x + w, y + h]];

export function setBox(box, frame = state.frame) {
  state.drawn = box ? { frame, box: [...box] } : null;
  tell("box");
}

// A hand is no surer than that, and the numbers can be typed again.
const rounded = (value) => Number(value.toFixed(2));

function spanned(x0, y0, x1, y1) {
  const { width, height } = state.sequence;
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)].map((x) => Math.min(Math.max(x, 0), width));
  const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)].map((y) => Math.min(Math.max(y, 0), height));
  return [left, top, Math.max(right - left, 1), Math.max(bottom - top, 1)].map(rounded);
}

function gripAt(x, y) {
  const drawn = state.drawn;
  if (!drawn || drawn.frame !== state.frame) return null;
  const [left, top, w, h] = drawn.box;
  const [x0, y0] = toScreen(left, top);
  const [x1, y1] = toScreen(left + w, top + h);
  if (x < x0 - HANDLE || x > x1 + HANDLE || y < y0 - HANDLE || y > y1 + HANDLE) return null;
  const sides = {
    left: Math.abs(x - x0) <= HANDLE, right: Math.abs(x - x1) <= HANDLE,
    top: Math.abs(y - y0) <= HANDLE, bottom: Math.abs(y - y1) <= HANDLE,
  };
  return { kind: Object.values(sides).some(Boolean) ? "side" : "whole", sides, box: [...drawn.box] };
}

function startGrip(event, x, y) {
  if (toolIs(event) === "move") return { kind: "picture", x, y, at: [view.x, view.y] };
  const found = gripAt(x, y);
  const [px, py] = toPixels(x, y);
  if (found) return { ...found, px, py };
  return { kind: "new", px, py, x, y };
}

function moveGrip(x, y) {
  const [px, py] = toPixels(x, y);
  if (grip.kind === "picture") {
    [view.x, view.y] = [grip.at[0] + x - grip.x, grip.at[1] + y - grip.y];
    view.fits = false;
    return tell("stage");
  }
  if (grip.kind === "new") {
    if (Math.hypot(x - grip.x, y - grip.y) < 3) return undefined;
    return setBox(spanned(grip.px, grip.py, px, py));
  }
  let [x0, y0, x1, y1] = [grip.box[0], grip.box[1], grip.box[0] + grip.box[2], grip.box[1] + grip.box[3]];
  const [dx, dy] = [px - grip.px, py - grip.py];
  if (grip.kind === "whole") return setBox([rounded(x0 + dx), rounded(y0 + dy), grip.box[2], grip.box[3]]);
  if (grip.sides.left) x0 += dx; else if (grip.sides.right) x1 += dx;
  if (grip.sides.top) y0 += dy; else if (grip.sides.bottom) y1 += dy;
  return setBox(spanned(x0, y0, x1, y1));
}

function place(event) {
  const area = canvas.getBoundingClientRect();
  return [event.clientX - area.left, event.clientY - area.top];
}

function point(x, y) {
  const [px, py] = toPixels(x, y).map(Math.floor);
  const { width, height } = state.sequence;
  const inside = px >= 0 && py >= 0 && px < width && py < height;
  const before = state.cursor;
  state.cursor = inside ? { x: px, y: py } : null;
  if (before?.x !== state.cursor?.x || before?.y !== state.cursor?.y) tell("cursor");
}

// Two fingers: the picture follows both.
function pinch(before, event, x, y) {
  const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, where]) => where);
  const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
  const middle = [(x + other[0]) / 2, (y + other[1]) / 2];
  view.x += (x - before[0]) / 2;
  view.y += (y - before[1]) / 2;
  zoom(distance([x, y], other) / distance(before, other), middle);
}

function moveCursor(event, dx, dy) {
  const { width, height } = state.sequence;
  const step = event.shiftKey ? 10 : 1;
  const from = state.cursor || { x: Math.floor(width / 2), y: Math.floor(height / 2) };
  const limit = (value, most) => Math.min(Math.max(value, 0), most - 1);
  state.cursor = { x: limit(from.x + dx * step, width), y: limit(from.y + dy * step, height) };
  if (state.drawing) {
    const { x, y } = state.drawing;
    setBox(spanned(Math.min(x, state.cursor.x), Math.min(y, state.cursor.y),
      Math.max(x, state.cursor.x) + 1, Math.max(y, state.cursor.y) + 1));
  }
  const [x, y] = toScreen(state.cursor.x, state.cursor.y);
  const { width: w, height: h } = size();
  view.x += Math.max(0, 20 - x) - Math.max(0, x - w + 20); // the picture follows the cross hair
  view.y += Math.max(0, 20 - y) - Math.max(0, y - h + 20);
  tell("cursor");
}

// Keys that mean something in the picture alone; true where one was meant.
export function stageKey(event) {
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key in arrows) moveCursor(event, ...arrows[event.key]);
  else if (event.key === "b" || event.key === "B") {
    moveCursor(event, 0, 0);
    state.drawing = { ...state.cursor };
    moveCursor(event, 0, 0);
  } else if (event.key === "Enter" && state.drawing) { state.drawing = null; tell("box"); } else return false;
  return true;
}

export function setUpStage() {
  for (const radio of document.querySelectorAll("input[name=tool]")) {
    radio.addEventListener("change", () => { tool = radio.value; canvas.classList.toggle("move", tool === "move"); });
  }
  element("zoom-in").addEventListener("click", () => zoom(1.5));
  element("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
  element("zoom-fit").addEventListener("click", fit);
  canvas.addEventListener("pointerdown", (event) => {
    if (!state.sequence?.width) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    const [x, y] = place(event);
    fingers.set(event.pointerId, [x, y]);
    grip = fingers.size > 1 ? null : startGrip(event, x, y);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!state.sequence?.width) return;
    const [x, y] = place(event);
    const before = fingers.get(event.pointerId);
    if (before) fingers.set(event.pointerId, [x, y]);
    if (before && fingers.size === 2) pinch(before, event, x, y);
    else if (grip) moveGrip(x, y);
    point(x, y);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => { fingers.delete(event.pointerId); grip = null; });
  }
  canvas.addEventListener("pointerleave", () => { if (document.activeElement !== canvas) { state.cursor = null; tell("cursor"); } });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (state.sequence?.width) zoom(Math.exp(-event.deltaY / 400), place(event));
  }, { passive: false });
  let before = size();
  new ResizeObserver(() => {
    const [from, now] = [before, size()];
    before = now;
    if (state.sequence && view.fits) return fit();
    // What was in the middle stays there, as large a part of the picture as before.
    const growth = from.width ? now.width / from.width : 1;
    view.x = now.width / 2 + (view.x - from.width / 2) * growth;
    view.y = now.height / 2 + (view.y - from.height / 2) * growth;
    view.scale *= growth;
    return tell("stage");
  }).observe(canvas);
}
