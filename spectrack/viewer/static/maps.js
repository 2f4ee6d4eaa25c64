// Maps of the tracker's evidence: the newest one that was asked for is kept.

import { state, liveRow } from "./state.js";
import { get } from "./server.js";

let kept = { key: "", map: null };

export const mapKey = (frame) => `${frame} ${state.map}`;

// The chosen map of a frame, null where the tracker shows none.
export async function fetchMap(frame) {
  const key = mapKey(frame);
  if (!state.map || !liveRow(frame)?.maps?.includes(state.map)) return null;
  if (kept.key !== key) {
    const map = await get(`maps/${frame}/${encodeURIComponent(state.map)}`).catch(() => null);
    kept = { key, map };
    return map;
  }
  return kept.map;
}
