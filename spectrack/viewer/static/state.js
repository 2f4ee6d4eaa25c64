// What the page knows, and who is told when it changes.

export const state = {
  about: null, item: 0, sequence: null, frame: 0, playing: false, rule: "thirds",
  cursor: null, drawn: null, drawing: false,
  live: { phase: "none", message: "", rows: [], start: 0, gone: 0, item: -1, saved_to: "" },
  hidden: new Set(), pinned: [], map: "", opacity: 0.55, brightness: 0, contrast: 0,
};

const listeners = new Map();

export function on(topics, act) {
  for (const topic of topics.split(" ")) listeners.set(topic, [...(listeners.get(topic) || []), act]);
}

export function tell(topic) {
  for (const act of listeners.get(topic) || []) act();
}

export const element = (id) => document.getElementById(id);

export function make(tag, text = "", properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  made.textContent = text; // never markup: names come from files
  return made;
}

// What is wrong with the sequence itself, or worth knowing of it.
export function showRemarks() {
  const { fault, notes } = state.sequence;
  showFault(fault || (notes || []).join(" "));
}

export function showFault(sentence) {
  element("fault").hidden = !sentence;
  element("fault").textContent = sentence;
}

// The oldest frame that can be shown: of a source the newest alone are kept.
export const oldest = () => (state.about.source ? Math.max(0, state.sequence.frames - state.sequence.most) : 0);

// Rows of the live track for a frame of the sequence that is shown.
export function liveRow(frame) {
  const { live, item } = state;
  if (live.item !== item) return undefined;
  return live.rows[frame - live.start] || (live.held?.frame === frame ? live.held.row : undefined);
}

export function bandName(band) {
  const waves = state.sequence.wavelengths;
  return waves ? `${band} (${waves[band].toFixed(0)} nm)` : `${band}`;
}

// Bands from the shortest wavelength to the longest: mosaics do not store them so.
export function bandOrder() {
  const { bands, wavelengths } = state.sequence;
  const order = Array.from({ length: bands }, (_, band) => band);
  return wavelengths ? order.sort((one, other) => wavelengths[one] - wavelengths[other]) : order;
}
