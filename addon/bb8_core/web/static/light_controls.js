// The colour wheel, the brightness and the tail light.
import { showPercent } from "./slider_value.js";

const SOONEST_MS = 80;

export function rgb(hue, saturation) {
  const part = (n) => {
    const k = (n + hue / 60) % 6;
    return Math.round(255 * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return { r: part(5), g: part(3), b: part(1) };
}

export function hueOf({ r, g, b }) {
  const high = Math.max(r, g, b);
  const span = high - Math.min(r, g, b);
  if (span === 0) return { hue: 0, saturation: 0 };
  const hue = high === r ? ((g - b) / span + 6) % 6 : high === g ? (b - r) / span + 2 : (r - g) / span + 4;
  return { hue: hue * 60, saturation: span / high };
}

// Calls `send` with the newest value, not more often than a robot can take.
function throttled(send) {
  let timer = 0;
  let sentAt = 0;
  return (value) => {
    clearTimeout(timer);
    const go = () => { sentAt = performance.now(); send(value); };
    timer = setTimeout(go, Math.max(0, sentAt + SOONEST_MS - performance.now()));
  };
}

export class Lights {
  #hue = 30;
  #saturation = 1;
  #touched = 0;

  constructor(link, byId) {
    this.byId = byId;
    const send = throttled((payload) => link.ask("led", payload));
    const tail = throttled((brightness) => link.ask("tail", { brightness }));
    this.change = () => {
      this.#touched = performance.now();
      this.#draw();
      send({ state: "ON", color: rgb(this.#hue, this.#saturation), brightness: Number(byId("brightness").value) });
    };
    byId("brightness").addEventListener("input", this.change);
    byId("tail").addEventListener("input", () => {
      this.#touched = performance.now();
      this.#draw();
      tail(Number(byId("tail").value));
    });
    this.#wheel(byId("wheel"));
    this.#draw();
  }

  // What the robot shows now; not while a person is choosing.
  show(light, tail) {
    if (performance.now() - this.#touched < 1500) return;
    if (light?.color) {
      ({ hue: this.#hue, saturation: this.#saturation } = hueOf(light.color));
      this.byId("brightness").value = light.brightness;
    } else if (light?.state === "OFF") {
      this.byId("brightness").value = 0;
    }
    if (tail !== null && tail !== undefined) this.byId("tail").value = tail;
    this.#draw();
  }

  #wheel(wheel) {
    const pick = (event) => {
      const box = wheel.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * 2 - 1;
      const y = 1 - ((event.clientY - box.top) / box.height) * 2;
      this.#hue = ((Math.atan2(x, y) * 180) / Math.PI + 360) % 360;
      this.#saturation = Math.min(1, Math.hypot(x, y));
      this.change();
    };
    wheel.addEventListener("pointerdown", (event) => { wheel.setPointerCapture(event.pointerId); pick(event); });
    wheel.addEventListener("pointermove", (event) => wheel.hasPointerCapture(event.pointerId) && pick(event));
    wheel.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [10, 0], ArrowLeft: [-10, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
      if (!step) return;
      event.preventDefault();
      this.#hue = (this.#hue + step[0] + 360) % 360;
      this.#saturation = Math.max(0, Math.min(1, this.#saturation + step[1]));
      this.change();
    });
  }

  #draw() {
    const { r, g, b } = rgb(this.#hue, this.#saturation);
    const angle = (this.#hue * Math.PI) / 180;
    const dot = this.byId("dot");
    dot.style.left = `${50 + Math.sin(angle) * this.#saturation * 50}%`;
    dot.style.top = `${50 - Math.cos(angle) * this.#saturation * 50}%`;
    const hue = Math.round(this.#hue) % 360;
    this.byId("wheel").setAttribute("aria-valuenow", hue);
    const text = `hue ${hue}°, ${Math.round(this.#saturation * 100)} %`;
    this.byId("wheel").setAttribute("aria-valuetext", text);
    this.byId("swatch").style.backgroundColor = `rgb(${r} ${g} ${b})`;
    this.byId("colour").textContent = text;
    for (const id of ["brightness", "tail"]) showPercent(this.byId, id);
  }
}
