// Shows the app's state in words. Text is only ever set as text, never as markup.
const STATES = {
  ready: "Connected", connecting: "Connecting", waking: "Waking the robot", asleep: "Asleep", released: "Not connected",
  absent: "Not found", lost: "Connection lost", held_by_other: "Used by another device", adapter_off: "No Bluetooth",
};
const SETTINGS = {
  speed_cap: ["Highest speed", (v) => `${v} of 255. No drive goes faster, whether from this page or from an automation.`],
  duration_cap_ms: ["Longest drive", (v) => `${(v / 1000).toFixed(1)} s for one drive command. The robot drives for as long as you hold the stick.`],
  motion_timeout: ["Motion timeout in the robot", (v) => (v ? "On: the robot's own firmware stops it when no more commands arrive." : "Off: turn it on, so that the robot stops by itself when no more commands arrive.")],
  collision_events: ["Collision events", (v) => (v ? "On: bumps are marked on the path and start automations." : "Off: bumps are not noticed.")],
  distance_limit_m: ["Distance limit", (v) => (v ? `${v} m from where the robot woke up. At the limit only Return to start is allowed.` : "None: the robot may go as far as the radio reaches.")],
  keep_connected: ["Keep connected", (v) => (v ? "On: drives start at once, but the battery does not last as long." : "Off: the robot is disconnected when idle, which saves its battery.")],
  idle_disconnect_s: ["Disconnect when idle", (v) => `After ${v} s without a command.`],
};
const BATTERY = { ok: "good", low: "low", critical: "almost empty", charging: "charging" };

const plain = (text) => String(text).replaceAll("_", " ");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function batteryWords(battery) {
  const volts = typeof battery?.voltage_v === "number" ? `${battery.voltage_v.toFixed(1)} V` : "";
  const words = BATTERY[battery?.state] ?? "";
  const level = typeof battery?.percent === "number" ? `about ${battery.percent} %` : "";
  return `Battery ${[words, level, volts].filter(Boolean).join(", ") || "unknown"}`;
}

const DEAF = ["absent", "adapter_off"];

function signalWords({ rssi, through, state }, proxies) {
  if (DEAF.includes(state)) return "No signal";
  if (typeof rssi !== "number") return "Signal unknown";
  const by = proxies?.length ? ` through ${through || "this host"}` : "";
  const grade = rssi > -60 ? "strong" : rssi > -75 ? "good" : rssi > -88 ? "weak" : "very weak";
  return `Signal ${grade}${by}`;
}

function radioWords({ rssi, through, state }) {
  if (DEAF.includes(state) || typeof rssi !== "number") return "none hears the robot";
  return `${through ? `Bluetooth proxy ${through}` : "this host's adapter"}, ${rssi} dBm`;
}

function proxyWords(proxy, { state, through }) {
  const used = state === "ready" && through === proxy.name && !proxy.remedy;
  return used ? "The robot is connected through it." : `${proxy.reason} ${proxy.remedy}`.trim();
}

function settingsRows(settings) {
  return Object.entries(SETTINGS).filter(([key]) => key in settings).map(([key, [name, words]]) => [name, words(settings[key])]);
}

// A robot that is not reached may be where only a proxy would hear it.
function remedyWords({ remedy, state }, proxies) {
  const broken = state === "ready" ? [] : (proxies ?? []).filter((proxy) => proxy.remedy);
  return [remedy, ...broken.map((proxy) => `Bluetooth proxy ${proxy.name}: ${proxy.reason} ${proxy.remedy}`)].join(" ").trim();
}

// What is said about the radio, the host's adapter or a Bluetooth proxy.
export function words(connection, proxies) {
  return {
    signal: signalWords(connection, proxies),
    radio: radioWords(connection),
    remedy: remedyWords(connection, proxies),
    proxies: (proxies ?? []).map((proxy) => [`Bluetooth proxy ${proxy.name}`, proxyWords(proxy, connection)]),
  };
}

export class View {
  #listed = {};

  constructor(byId) {
    this.byId = byId;
  }

  show(id, text) {
    if (this.byId(id).textContent !== text) this.byId(id).textContent = text;
  }

  state(state, me) {
    const { connection, robot, mqtt } = state;
    this.show("name", robot.name || "BB-8");
    this.byId("simulated").hidden = !state.simulate;
    this.#connection(state);
    this.show("battery", batteryWords(state.battery));
    this.byId("battery").toggleAttribute("data-low", ["low", "critical"].includes(state.battery?.state));
    const radio = words(connection, state.proxies);
    this.show("signal", radio.signal);
    this.show("radio", radio.radio);
    this.show("remedy", radio.remedy);
    this.#driver(state.driver, me);
    this.#stops(state);
    this.show("address", robot.address || "unknown");
    this.show("firmware", robot.firmware || "unknown");
    this.show("mqtt", mqtt.connected ? "connected" : mqtt.reason || "not connected");
    this.show("latency", typeof state.latency_ms === "number" ? `${Math.round(state.latency_ms)} ms` : "unknown");
    this.show("version", state.version || "unknown");
    this.#list("settings", settingsRows(state.settings));
    this.#list("proxies", radio.proxies);
  }

  cut() {
    this.show("state", "No answer from the app");
    this.byId("state").dataset.state = "lost";
    this.show("reason", "If the robot was moving, the app has stopped it. The page connects again by itself.");
    this.show("remedy", "If this continues, check in Home Assistant that the app runs, and read its log.");
    this.show("driver", "");
  }

  #connection({ connection, estop }) {
    const state = connection.state;
    this.show("state", STATES[state] ?? capital(plain(state)));
    this.byId("state").dataset.state = estop ? "estop" : state;
    this.show("reason", state === "ready" ? "" : connection.reason);
    const ready = state === "ready";
    this.byId("connect").hidden = ready || state === "asleep";
    this.byId("wake").hidden = state !== "asleep";
    this.byId("sleep").hidden = !ready;
    this.byId("disconnect").hidden = !ready;
  }

  #driver(driver, me) {
    const other = driver !== null && driver.number !== me;
    this.show("driver", driver === null ? "" : other ? `${driver.name} is driving.` : "You are driving.");
    this.byId("driver").toggleAttribute("data-other", other);
    this.byId("take").hidden = !other;
  }

  #stops({ estop, estop_by: by }) {
    this.byId("latched").hidden = !estop;
    this.show("latched", estop ? `Emergency stop, set by ${by || "an unknown sender"}: nothing moves the robot until you clear it.` : "");
    this.byId("clear").hidden = !estop;
  }

  #list(id, rows) {
    const known = JSON.stringify(rows);
    if (known === this.#listed[id]) return;
    this.#listed[id] = known;
    this.byId(id).replaceChildren(...rows.flatMap(([name, words]) => {
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      text.textContent = words;
      return [term, text];
    }));
    this.byId(id).hidden = rows.length === 0;
  }
}
