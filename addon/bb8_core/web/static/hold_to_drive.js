// Hold to drive: while a stick, key or gamepad is held, beats go to the app. No beats, no motion.
const BEAT_MS = 50;
const SOONEST_MS = 12;
const AGAIN_MS = 8;
const TURN_DEG_S = 120;

export class Grip extends EventTarget {
  #link;
  #vectors = new Map();
  #number = 0;
  #timer = 0;
  #sentAt = 0;
  #turn = 0;
  #turnedAt = 0;
  speed = 80;
  aiming = false;

  constructor(link) {
    super();
    this.#link = link;
    link.addEventListener("cut", () => this.drop());
  }

  get held() {
    return this.#timer !== 0;
  }

  // A source holds the stick at x (right) and y (forward), each -1 to 1, or null to let go.
  set(source, vector) {
    if (vector) this.#vectors.set(source, vector);
    else this.#vectors.delete(source);
    if (this.#vectors.size === 0) this.#release();
    else if (!this.#timer) this.#take();
    else this.#soon();
    this.dispatchEvent(new Event("change"));
  }

  get vector() {
    return [...this.#vectors.values()].at(-1) ?? null;
  }

  // Lets go of everything, whatever is still pressed.
  drop() {
    if (this.#vectors.size === 0) return;
    this.#vectors.clear();
    this.#release();
    this.dispatchEvent(new Event("drop"));
    this.dispatchEvent(new Event("change"));
  }

  straightOn(heading) {
    this.#turn = heading;
  }

  #take() {
    this.#number += 1;
    this.#beat();
  }

  // A change goes out at once, or as soon as the app wants to hear of it.
  #soon() {
    const wait = this.#sentAt + SOONEST_MS - performance.now();
    if (wait <= 0) this.#beat();
    else this.#plan(wait);
  }

  #plan(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#beat(), wait);
  }

  #release() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#link.send({ op: "release" });
  }

  #beat() {
    const now = performance.now();
    const { x, y } = this.vector;
    const beat = this.aiming ? this.#turned(x, now) : rolled(x, y, this.speed);
    const sent = this.#link.sendNow({ op: "hold", grip: this.#number, t: now, ...beat });
    if (sent) this.#sentAt = now;
    // A beat that could not go out at once is not kept: soon the newest one is tried.
    this.#plan(sent || !this.#link.open ? BEAT_MS : AGAIN_MS);
  }

  // While aiming the stick turns the robot on the spot.
  #turned(x, now) {
    const seconds = Math.min((now - this.#turnedAt) / 1000, 0.1);
    this.#turnedAt = now;
    this.#turn = (this.#turn + x * TURN_DEG_S * seconds + 360) % 360;
    return { speed: 0, heading: Math.round(this.#turn) % 360 };
  }
}

function rolled(x, y, speed) {
  const force = Math.min(1, Math.hypot(x, y));
  const heading = (Math.round((Math.atan2(x, y) * 180) / Math.PI) + 360) % 360;
  return { speed: Math.round(force * speed), heading };
}
