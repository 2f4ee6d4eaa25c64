// A source that is tracked while it comes: its newest frame is shown as soon as its picture is here, and the map over it,
// one after the other, so a page that is slow leaves frames out. Nothing here holds the tracker up, but for the box that it waits for.

import { state, element, liveRow } from "./state.js";
import { fetchPicture } from "./frames.js";
import { fetchMap } from "./maps.js";
import { goTo } from "./player.js";

const ENDS = { stopped: "Stopped", done: "The source ended", failed: "Ended" };
let asking = false;

export function setUpSource() {
  element("tracker").disabled = true;
  for (const id of ["correct", "following"]) element(id).hidden = true;
}

export const isOver = () => Boolean(state.about.source) && state.live.phase in ENDS;

// Before the first box there is nothing to pause.
const follows = () => state.playing || !state.live.rows.length;

export async function showNewest() {
  const newest = state.sequence.frames - 1;
  if (asking || !follows() || state.frame === newest) return;
  asking = true;
  const [isHere] = await Promise.all([fetchPicture(newest), fetchMap(newest)]);
  asking = false;
  if (!isHere || !follows()) return;
  goTo(newest);
  showNewest();
}

export function sourcePlace() {
  const row = liveRow(state.frame);
  if (row) return `frame ${row.frame} of the source`;
  return state.live.rows.length ? "before the first box" : "the frame to start in";
}

export function sourceStatus() {
  const { phase, rows, gone } = state.live;
  if (phase === "waiting") return "The tracker waits for the first box";
  if (phase === "loading") return "Starting …";
  if (phase === "searching") return "Looking for the object, frame by frame …";
  const tracked = gone + rows.length;
  const dropped = rows.length ? rows[rows.length - 1].dropped : 0;
  return `${ENDS[phase] || "Tracking"}: ${tracked} ${tracked === 1 ? "frame" : "frames"} tracked, ${dropped} dropped`;
}

export function sourceHint() {
  const { phase } = state.live;
  if (phase === "waiting") return "Draw a box around the object in this frame, then press Track. Where it is not to be seen, take another frame.";
  return isOver() ? "This page may be closed." : "Stop ends the source, as Ctrl-C does. Closing this page does not.";
}
