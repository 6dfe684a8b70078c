// The WebSocket to the app: opens it with a ticket, opens it again when it was cut, and matches answers.
const HEADERS = { "X-Requested-With": "bb8" };
const SILENT_MS = 2500;
const ALIVE_MS = 5000;
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 5000;

export class Link extends EventTarget {
  #socket = null;
  #asked = new Map();
  #number = 0;
  #pause = FIRST_PAUSE_MS;
  #heardAt = 0;
  #wanted = false;
  me = 0;

  constructor() {
    super();
    setInterval(() => this.#look(), 500);
    setInterval(() => this.sendNow({ op: "alive" }), ALIVE_MS);
  }

  get open() {
    return this.me !== 0 && this.#socket?.readyState === WebSocket.OPEN;
  }

  // Sends what a person asked for, in order, after what still waits in the browser.
  send(message) {
    if (!this.open) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  // Sends at once or not at all: a beat that has to wait is stale, so beats never pile up.
  sendNow(message) {
    return this.#socket?.bufferedAmount > 0 ? false : this.send(message);
  }

  // Sends a command; resolves with its last step.
  ask(name, payload = {}) {
    const id = ++this.#number;
    const sent = this.send({ op: "ask", id, name, payload });
    if (!sent) return Promise.resolve({ status: "rejected", reason: "the app cannot be reached" });
    return new Promise((resolve) => this.#asked.set(id, resolve));
  }

  start() {
    this.#wanted = true;
    if (!this.#socket) this.#open();
  }

  // The page is hidden or left: the app learns it from the end of the socket.
  end() {
    this.#wanted = false;
    this.#drop();
  }

  async #open() {
    let socket;
    try {
      const answer = await fetch("api/ticket", { method: "POST", headers: HEADERS, signal: AbortSignal.timeout(4000) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { ticket } = await answer.json();
      if (!this.#wanted || this.#socket) return;
      const url = new URL("ws", location.href);
      url.protocol = url.protocol.replace("http", "ws");
      socket = this.#socket = new WebSocket(url);
      socket.onopen = () => socket.send(JSON.stringify({ op: "hello", ticket }));
      socket.onmessage = (event) => socket === this.#socket && this.#heard(JSON.parse(event.data));
      socket.onclose = () => socket === this.#socket && this.#drop();
      this.#heardAt = performance.now();
    } catch {
      this.#again();
    }
  }

  #heard(message) {
    this.#heardAt = performance.now();
    if (message.type === "welcome") {
      this.me = message.number;
      this.#pause = FIRST_PAUSE_MS;
      this.#tell("open");
    } else if (message.type === "ack") {
      this.#acknowledged(message);
    } else {
      this.#tell(message.type, message);
    }
  }

  #acknowledged(step) {
    if (step.status === "accepted" && step.lasting === null) return;
    if (step.status === "sent") return;
    this.#asked.get(step.id)?.(step);
    this.#asked.delete(step.id);
  }

  // The app sends something each second.
  #look() {
    if (this.#socket && performance.now() - this.#heardAt > SILENT_MS) this.#drop();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.me = 0;
    socket?.close();
    for (const resolve of this.#asked.values()) resolve({ status: "expired", reason: "the connection to the app broke" });
    this.#asked.clear();
    this.#tell("cut");
    this.#again();
  }

  #again() {
    if (!this.#wanted) return;
    setTimeout(() => this.#wanted && !this.#socket && this.#open(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
