// What charts share: a canvas at the screen's density, colours of the page, round numbers on axes.

export function prepare(canvas) {
  const density = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(document.documentElement);
  const em = parseFloat(style.fontSize);
  context.font = `${0.75 * em}px ${style.fontFamily}`;
  context.textBaseline = "middle";
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return { context, width, height, colour, em };
}

// Black lines are white on a dark ground.
export function legible(colour, ink) {
  return colour === "#000000" ? ink : colour;
}

export function ticks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(Number(value.toPrecision(6)));
  return found;
}

export function path(context, points) {
  context.beginPath();
  let open = false;
  for (const [x, y] of points) {
    if (y === null || !Number.isFinite(y)) { open = false; continue; }
    if (open) context.lineTo(x, y); else context.moveTo(x, y);
    open = true;
  }
  context.stroke();
}
