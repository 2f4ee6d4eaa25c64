// The frame that is shown: stepping, scrubbing, playing.

import { state, element, oldest, tell } from "./state.js";
import { isMissing, picture, want } from "./frames.js";

const EARLY_MS = 2; // the screen's pictures come a little before or after their time
let due = 0;
let shown = [];

export function goTo(frame) {
  const frames = state.sequence ? state.sequence.frames : 1;
  const next = Math.max(Math.min(Math.round(frame), frames - 1), state.sequence ? oldest() : 0);
  if (next !== state.frame) {
    state.frame = next;
    tell("frame");
  }
  want(state.frame);
}

export function play(wanted = !state.playing) {
  state.playing = wanted && Boolean(state.sequence) && !state.sequence.fault;
  element("play").textContent = state.playing ? "Pause" : "Play";
  element("rate").textContent = "";
  shown = [];
  if (state.about.source) tell("picture"); // which comes at its own pace, see source.js
  if (!state.playing || state.about.source) return want(state.frame);
  if (state.frame >= state.sequence.frames - 1) goTo(0);
  due = performance.now() + period();
  want(state.frame);
  requestAnimationFrame(tick);
}

const period = () => 1000 / (state.sequence.fps || 25);

// When the next frame is due after one that was due then and is shown now: a period after it was due, so that waiting
// for the screen costs no time. Where it came a period late or more, play goes on from now: no burst makes up for it.
export function dueAfter(then, now, between) {
  return (now - then < between ? then : now) + between;
}

// A frame is shown when its time has come and it is there; none is left out.
function tick(now) {
  if (!state.playing) return;
  if (now >= due - EARLY_MS) {
    if (state.frame >= state.sequence.frames - 1) return play(false);
    if (picture(state.frame + 1)) {
      due = dueAfter(due, now, period());
      goTo(state.frame + 1);
      measure(now);
    } else if (isMissing(state.frame + 1)) {
      play(false);
      return goTo(state.frame + 1);
    } else {
      want(state.frame);
    }
  }
  requestAnimationFrame(tick);
}

function measure(now) {
  shown.push(now);
  if (shown.length > 50) shown.shift();
  const seconds = (now - shown[0]) / 1000;
  if (shown.length > 10) element("rate").textContent = `${((shown.length - 1) / seconds).toFixed(0)} frames/s`;
}

export function setUpPlayer() {
  element("play").addEventListener("click", () => play());
  const steps = { first: oldest, back: () => state.frame - 1, next: () => state.frame + 1, last: () => Infinity };
  for (const [id, target] of Object.entries(steps)) {
    element(id).addEventListener("click", () => { play(false); goTo(Math.min(target(), state.sequence.frames - 1)); });
  }
  element("scrub").addEventListener("input", (event) => { play(false); goTo(Number(event.target.value)); });
}
