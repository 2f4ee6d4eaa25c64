// Pictures of frames, asked for ahead of the time when they are shown, and kept as long as there is room.

import { state, showFault, tell } from "./state.js";
import { pixels } from "./server.js";

const AHEAD = 12;
const AT_ONCE = 4; // a browser opens six connections to one place, and one of them listens to events
const ROOM_BYTES = 160e6;

const kept = new Map();
const coming = new Map();
const missing = new Set();
let shownAs = "";

export function forgetPictures() {
  for (const abort of coming.values()) abort.abort();
  coming.clear();
  for (const picture of kept.values()) picture.close();
  kept.clear();
  missing.clear();
}

export function picture(frame) {
  return kept.get(frame);
}

export function isMissing(frame) {
  return missing.has(frame);
}

// What pictures belong to; those of another sequence or other colours are forgotten.
function shownNow() {
  const key = `${state.item} ${state.rule}`;
  if (key !== shownAs) forgetPictures();
  shownAs = key;
  return key;
}

// Ask for one frame and wait for its picture, whatever else is wanted; whether it is there then.
export async function fetchPicture(frame) {
  const key = shownNow();
  if (!kept.has(frame) && !coming.has(frame)) await load(frame, key);
  return kept.has(frame);
}

// Ask for a frame and those that come after it; what is no longer wanted is given up.
export function want(frame) {
  const sequence = state.sequence;
  if (!sequence || sequence.fault) return;
  const key = shownNow();
  if (state.about.source) {
    // Of a source what comes next is not there yet, and what was asked for is soon gone.
    if (!kept.has(frame) && !coming.has(frame) && !missing.has(frame)) load(frame, key);
    return;
  }
  const frames = [frame];
  for (let step = 1; step <= AHEAD; step += 1) frames.push(frame + step);
  if (!state.playing) frames.push(frame - 1, frame - 2);
  const wanted = frames.filter((one) => one >= 0 && one < sequence.frames);
  for (const [one, abort] of coming) if (!wanted.includes(one)) abort.abort();
  for (const one of wanted) {
    if (coming.size >= AT_ONCE) break;
    if (!kept.has(one) && !coming.has(one) && !missing.has(one)) load(one, key);
  }
}

async function load(frame, key) {
  const abort = new AbortController();
  coming.set(frame, abort);
  const { width, height } = state.sequence;
  let fault = "";
  try {
    const path = `sequences/${state.item}/frames/${frame}?rule=${encodeURIComponent(state.rule)}`;
    const data = new ImageData(await pixels(path, abort.signal), width, height);
    const loaded = await createImageBitmap(data);
    if (key !== shownAs) loaded.close();
    else kept.set(frame, loaded);
    if (key === shownAs) makeRoom(frame, width * height * 4);
  } catch (error) {
    if (error.name !== "AbortError") fault = error.message;
  }
  if (coming.get(frame) === abort) coming.delete(frame);
  if (fault) {
    missing.add(frame); // asked for once more when the page is told to show it again, not over and over
    if (frame === state.frame) showFault(fault);
  }
  tell("picture");
  want(state.frame);
}

function makeRoom(newest, bytes) {
  const most = Math.max(AHEAD + 4, Math.floor(ROOM_BYTES / bytes));
  while (kept.size > most) {
    // The one farthest from the frame that is shown goes.
    const farthest = [...kept.keys()].reduce((one, other) =>
      Math.abs(other - state.frame) > Math.abs(one - state.frame) ? other : one);
    kept.get(farthest).close();
    kept.delete(farthest);
    if (farthest === newest) break;
  }
}
