// The robot's path as an SVG: straight on is up, one square is half a metre, rings are bumps.
const SVG = "http://www.w3.org/2000/svg";
const GRID_CM = 50;
const MARGIN_CM = 40;

function shape(kind, values, parent) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

export class PathMap {
  #stretches = [];
  #bumps = [];
  #at = null;
  #heading = 0;

  constructor(byId) {
    this.byId = byId;
    this.#draw();
  }

  add(items) {
    for (const [, kind, x, y] of items) {
      if (kind === "clear") this.clear();
      else if (kind === "bump") this.#bumps.push([x, -y]);
      else this.#point(kind, x, -y);
    }
    this.#draw();
  }

  clear() {
    this.#stretches = [];
    this.#bumps = [];
    this.#at = null;
  }

  turn(heading) {
    this.#heading = heading;
    this.#robot();
  }

  #point(kind, x, y) {
    if (kind === "start" || this.#stretches.length === 0) this.#stretches.push([]);
    this.#stretches.at(-1).push([x, y]);
    this.#at = [x, y];
  }

  #draw() {
    const points = [...this.#stretches.flat(), [0, 0]];
    const xs = points.map((point) => point[0]);
    const ys = points.map((point) => point[1]);
    const left = Math.min(...xs) - MARGIN_CM;
    const top = Math.min(...ys) - MARGIN_CM;
    const width = Math.max(...xs) + MARGIN_CM - left;
    const height = Math.max(...ys) + MARGIN_CM - top;
    this.byId("map").setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
    this.scale = Math.max(width, height) / 250;
    const wide = 2 * Math.max(width, height);
    this.#grid(left - wide, top - wide, left + width + wide, top + height + wide);
    this.byId("path").replaceChildren();
    for (const stretch of this.#stretches) shape("polyline", { points: stretch.join(" ") }, this.byId("path"));
    this.byId("bumps").replaceChildren();
    for (const [cx, cy] of this.#bumps) shape("circle", { cx, cy, r: 7 * this.scale }, this.byId("bumps"));
    this.#robot();
    this.#say();
  }

  #grid(left, top, right, bottom) {
    const grid = this.byId("grid");
    grid.replaceChildren();
    const step = GRID_CM * Math.max(1, Math.ceil((right - left) / GRID_CM / 150));
    const first = (from) => Math.floor(from / step) * step;
    for (let x = first(left); x < right; x += step) shape("line", { x1: x, x2: x, y1: top, y2: bottom }, grid);
    for (let y = first(top); y < bottom; y += step) shape("line", { x1: left, x2: right, y1: y, y2: y }, grid);
  }

  #robot() {
    const [x, y] = this.#at ?? [0, 0];
    this.byId("robot").setAttribute("transform", `translate(${x} ${y}) rotate(${this.#heading}) scale(${this.scale})`);
  }

  #say() {
    if (!this.#at) return;
    const metres = (Math.hypot(...this.#at) / 100).toFixed(1);
    const bumps = this.#bumps.length === 1 ? "1 bump" : `${this.#bumps.length} bumps`;
    this.byId("map-text").textContent = `${metres} m from where it started counting, ${bumps}. One square is half a metre.`;
  }
}
