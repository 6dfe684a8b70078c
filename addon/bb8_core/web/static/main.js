// Joins the parts of the page: the link to the app, what a person drives with, and what is shown.
import { Grip } from "./hold_to_drive.js";
import { gamepad, keys, stick } from "./drive_inputs.js";
import { Lights } from "./light_controls.js";
import { Link } from "./app_socket.js";
import { Log } from "./log_view.js";
import { PathMap } from "./path_map.js";
import { SceneList } from "./scene_list.js";
import { showPercent } from "./slider_value.js";
import { Stops } from "./stop_buttons.js";
import { View } from "./status_view.js";

const byId = (id) => document.getElementById(id);
const link = new Link();
const grip = new Grip(link);
const view = new View(byId);
const lights = new Lights(link, byId);
const map = new PathMap(byId);
const scenes = new SceneList(byId, (name) => tell("scene-result", "scene", { name }), (name) => link.send({ op: "preview", name }), () => link.send({ op: "load_scenes" }));
const log = new Log(byId, look);
const stops = new Stops(link, grip, showResult);
let heading = 0;
let moves = false;
let gestures = "";
let commands = "";

function showResult(text, bad = false) {
  view.show("result", text);
  byId("result").toggleAttribute("data-bad", bad);
}

function look() {
  link.send({ op: "look", map: true, log: log.packets });
}

// Stop

const press = (id) => stops.press(byId(id).id === "clear" ? "clear_estop" : id, byId(id).textContent);
const stop = (event) => { event?.preventDefault(); press("stop"); };
for (const id of ["stop", "estop"]) {
  // On the way down: a stop does not wait for the finger to come up again.
  byId(id).addEventListener("pointerdown", () => press(id));
  byId(id).addEventListener("click", (event) => event.detail === 0 && press(id));
}
byId("clear").addEventListener("click", () => press("clear"));

// Drive

stick(byId("stick"), byId("knob"), grip);
keys(grip, stop, () => moves);
gamepad(grip, () => press("stop"), () => press("estop"), (text) => {
  byId("pad").hidden = !text;
  view.show("pad", text);
});
byId("take").addEventListener("click", () => link.send({ op: "take" }));
byId("speed").addEventListener("input", showSpeed);

function showSpeed() {
  grip.speed = Number(byId("speed").value);
  showPercent(byId, "speed");
}

function limitSpeed(cap) {
  const speed = byId("speed");
  if (Number(speed.max) === cap) return;
  speed.min = Math.min(10, cap);
  speed.max = cap;
  showSpeed();
}

// Aim

function aim(on) {
  grip.aiming = on;
  grip.straightOn(heading);
  byId("aiming").hidden = !on;
  byId("aim").hidden = on;
  byId("stick").toggleAttribute("data-aiming", on);
}

byId("aim").addEventListener("click", () => {
  if (!link.send({ op: "aim" })) return;
  aim(true);
  byId("stick").focus({ preventScroll: true });
  byId("aiming").scrollIntoView({ block: "nearest" });
});
for (const id of ["aimed", "unaim"]) {
  byId(id).addEventListener("click", () => {
    grip.drop();
    link.send({ op: id });
    aim(false);
    byId("aim").focus();
  });
}

// Connection and gestures

async function tell(id, name, payload = {}) {
  const step = await link.ask(name, payload);
  const good = step.status === "confirmed" || step.status === "accepted";
  view.show(id, good ? "" : step.reason || step.status);
}

byId("connect").addEventListener("click", () => tell("remedy", "connect"));
byId("wake").addEventListener("click", () => tell("remedy", "power", { action: "wake" }));
byId("sleep").addEventListener("click", () => tell("remedy", "power", { action: "sleep" }));
byId("disconnect").addEventListener("click", () => tell("remedy", "disconnect"));
byId("clear-map").addEventListener("click", () => link.send({ op: "clear_map" }));

byId("return").addEventListener("click", () => tell("return-result", "return_to_start"));

function showGestures(names) {
  if (names.join() === gestures) return;
  gestures = names.join();
  byId("gestures").replaceChildren(...names.map((name) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.gesture = name;
    button.textContent = name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
    button.addEventListener("click", () => tell("gesture-result", "macro", { name }));
    return button;
  }));
}

// News

link.addEventListener("open", () => { look(); map.clear(); view.show("hold", ""); });
link.addEventListener("cut", () => { view.cut(); aim(false); });
link.addEventListener("hold", ({ detail }) => view.show("hold", detail.code ? `Not moving: ${detail.reason}` : ""));
link.addEventListener("path", ({ detail }) => map.add(detail.items));
link.addEventListener("preview", ({ detail }) => {
  map.preview(detail.points);
  const time = `${Math.round(detail.seconds)} s`;
  view.show("scene-result", detail.points.length > 1 ? `${detail.name}: ${time}. The dashed line on the path shows it.` : `${detail.name}: ${time}, on the spot.`);
});
link.addEventListener("packets", ({ detail }) => log.add(detail.items));
link.addEventListener("state", ({ detail }) => {
  heading = detail.motion.heading;
  moves = detail.motion.moving;
  view.state(detail, link.me);
  limitSpeed(detail.limits.speed_cap);
  lights.show(detail.light, detail.tail);
  showGestures(detail.gestures);
  scenes.show(detail.scenes);
  map.turn(heading);
  const newest = JSON.stringify(detail.commands);
  if (newest !== commands) {
    commands = newest;
    log.commands(detail.commands);
  }
});

// A page that nobody sees drives nothing: it lets go and hangs up, and comes back when it is seen.

function leave() {
  grip.drop();
  link.send({ op: "leave" });
  link.end();
}

document.addEventListener("visibilitychange", () => (document.hidden ? leave() : link.start()));
document.addEventListener("freeze", leave);
addEventListener("pagehide", leave);
addEventListener("pageshow", () => link.start());
addEventListener("blur", () => grip.drop());
showSpeed();
if (!document.hidden) link.start();
