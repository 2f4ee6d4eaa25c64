"use strict";
// Headings become buttons that sort their table; without this script the tables stand as they were written.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((heading, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const numbers = heading.dataset.sort === "number";
      const before = heading.getAttribute("aria-sort");
      const down = before === "none" ? numbers : before === "ascending";
      const value = (row) => row.cells[place].dataset.value;
      const compare = (a, b) => numbers ? Number(value(a)) - Number(value(b)) : value(a).localeCompare(value(b), undefined, {numeric: true});
      const empty = (row) => value(row) === "";
      const rows = Array.from(body.rows).sort((a, b) => empty(a) - empty(b) || (down ? -1 : 1) * compare(a, b));
      headings.forEach((other) => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...rows);
    });
  });
}
// What is wider than the screen says that it scrolls, also after the window was turned.
const wide = Array.from(document.querySelectorAll(".scroll, .strip, .drawing"), (part) => {
  const words = document.createElement("p");
  words.className = "hint";
  words.textContent = "\u2194 scroll sideways for more";
  part.before(words);
  return [part, words];
});
const hint = () => wide.forEach(([part, words]) => { words.hidden = part.scrollWidth <= part.clientWidth + 1; });
window.addEventListener("resize", hint);
for (const folded of document.querySelectorAll("details")) folded.addEventListener("toggle", hint);
hint();
