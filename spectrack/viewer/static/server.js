// Requests to the program behind the page; what goes wrong is a sentence.

const GONE = "The program behind this page has ended; start `spectrack view` again.";

async function answer(response) {
  const told = (response.headers.get("content-type") || "").includes("json") ? await response.json() : {};
  if (!response.ok) throw new Error(told.error || `The program behind this page refused (${response.status}).`);
  return told;
}

async function reach(path, options) {
  // What only asks may ask twice: a connection that was idle may be closed while it is used again.
  for (const last of options.method ? [true] : [false, true]) {
    try {
      return await fetch(path, { cache: "no-store", ...options });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (last) throw new Error(GONE);
      await new Promise((done) => { setTimeout(done, 300); });
    }
  }
  return undefined;
}

export async function get(path, signal) {
  return answer(await reach(path, { signal }));
}

export async function post(path, values = {}) {
  const headers = { "content-type": "application/json" };
  return answer(await reach(path, { method: "POST", headers, body: JSON.stringify(values) }));
}

export async function pixels(path, signal) {
  const response = await reach(path, { signal });
  if (!response.ok) await answer(response);
  return new Uint8ClampedArray(await response.arrayBuffer());
}

export function listen(handlers, onLost, onFound) {
  const source = new EventSource("events");
  for (const [name, act] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  }
  source.addEventListener("error", () => onLost(GONE));
  source.addEventListener("open", onFound);
  return source;
}
