// The robot's path as an SVG: straight on is up, one square is half a metre, rings are bumps.
const SVG = "http://www.w3.org/2000/svg";
const GRID_CM = 50;
const MARGIN_CM = 40;
const DRAW_MS = 150;

function shape(kind, values, parent) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

export class PathMap {
  #stretches = [];
  #lines = [];
  #preview = [];
  #bumps = 0;
  #at = null;
  #heading = 0;
  #seen = null;
  #planned = 0;

  constructor(byId) {
    this.byId = byId;
    this.#draw();
  }

  add(items) {
    for (const [, kind, x, y] of items) {
      if (kind === "clear") this.clear();
      else if (kind === "bump") this.#bump(x, -y);
      else this.#point(kind, x, -y);
    }
    this.#soon();
  }

  preview(points) {
    const [x, y] = this.#at ?? [0, 0];
    this.#preview = points.map((point) => [x + point[0], y - point[1]]);
    this.byId("preview").replaceChildren();
    if (this.#preview.length > 1) shape("polyline", { points: this.#preview.join(" ") }, this.byId("preview"));
    this.#soon();
  }

  clear() {
    this.#stretches = [];
    this.#lines = [];
    this.#preview = [];
    this.#bumps = 0;
    this.#at = null;
    for (const id of ["preview", "path", "bumps"]) this.byId(id).replaceChildren();
    this.#soon();
  }

  turn(heading) {
    if (heading === this.#heading) return;
    this.#heading = heading;
    this.#soon();
  }

  #bump(cx, cy) {
    this.#bumps += 1;
    shape("circle", { cx, cy, r: 7 * this.scale }, this.byId("bumps"));
  }

  #point(kind, x, y) {
    if (kind === "start" || this.#stretches.length === 0) {
      this.#stretches.push([]);
      this.#lines.push(shape("polyline", {}, this.byId("path")));
    }
    this.#stretches.at(-1).push([x, y]);
    this.#at = [x, y];
  }

  // Drawing waits for a moment without input: driving comes first.
  #soon() {
    this.#planned ||= setTimeout(() => requestAnimationFrame(() => this.#draw()), DRAW_MS);
  }

  #draw() {
    this.#planned = 0;
    this.#frame();
    this.#lines.at(-1)?.setAttribute("points", this.#stretches.at(-1).join(" "));
    const [x, y] = this.#at ?? [0, 0];
    this.byId("robot").setAttribute("transform", `translate(${x} ${y}) rotate(${this.#heading}) scale(${this.scale})`);
    this.#say();
  }

  // The part of the floor that is shown; it grows in whole squares, so that it seldom changes.
  #frame() {
    const points = [...this.#stretches.flat(), ...this.#preview, [0, 0]];
    const xs = points.map((point) => point[0]);
    const ys = points.map((point) => point[1]);
    const down = (value) => Math.floor((value - MARGIN_CM) / GRID_CM) * GRID_CM;
    const up = (value) => Math.ceil((value + MARGIN_CM) / GRID_CM) * GRID_CM;
    const box = [down(Math.min(...xs)), down(Math.min(...ys)), up(Math.max(...xs)), up(Math.max(...ys))];
    if (box.join() === this.#seen) return;
    this.#seen = box.join();
    const [left, top, right, bottom] = box;
    this.byId("map").setAttribute("viewBox", `${left} ${top} ${right - left} ${bottom - top}`);
    this.scale = Math.max(right - left, bottom - top) / 250;
    for (const circle of this.byId("bumps").children) circle.setAttribute("r", 7 * this.scale);
    for (const [number, line] of this.#lines.entries()) line.setAttribute("points", this.#stretches[number].join(" "));
    const wide = 2 * Math.max(right - left, bottom - top);
    this.#grid(left - wide, top - wide, right + wide, bottom + wide);
  }

  #grid(left, top, right, bottom) {
    const step = GRID_CM * Math.max(1, Math.ceil((right - left) / GRID_CM / 150));
    const first = (from) => Math.floor(from / step) * step;
    let lines = "";
    for (let x = first(left); x < right; x += step) lines += `M${x} ${top}V${bottom}`;
    for (let y = first(top); y < bottom; y += step) lines += `M${left} ${y}H${right}`;
    this.byId("grid").replaceChildren();
    shape("path", { d: lines }, this.byId("grid"));
  }

  #say() {
    if (!this.#at) return;
    const metres = (Math.hypot(...this.#at) / 100).toFixed(1);
    const bumps = this.#bumps === 1 ? "1 bump" : `${this.#bumps} bumps`;
    const text = `${metres} m from where it started counting, ${bumps}. One square is half a metre.`;
    if (this.byId("map-text").textContent !== text) this.byId("map-text").textContent = text;
  }
}
