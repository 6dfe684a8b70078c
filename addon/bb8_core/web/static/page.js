// Refreshes the status page and sends its buttons. Text is only ever set as text, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);
const show = (id, text) => { byId(id).textContent = text; };
const INTERVAL_MS = 1000;
const DEADLINE_MS = 4000;
const RETRY_MS = 1000;

function request(path, options = {}) {
  return fetch(path, { cache: "no-store", signal: AbortSignal.timeout(DEADLINE_MS), ...options });
}

function battery(value) {
  if (!value) return "unknown";
  const volts = typeof value.voltage_v === "number" ? `${value.voltage_v.toFixed(2)} V` : "";
  return [value.state, volts].filter(Boolean).join(", ") || "unknown";
}

function clockTime(ts) {
  const date = new Date(ts ?? "");
  return Number.isNaN(date.getTime()) ? String(ts ?? "") : date.toLocaleTimeString();
}

function commandRow(command) {
  const row = document.createElement("tr");
  const rtt = typeof command.rtt_ms === "number" ? ` (${Math.round(command.rtt_ms)} ms)` : "";
  const reason = command.reason ? `: ${command.reason}` : "";
  for (const text of [clockTime(command.ts), String(command.name ?? ""), `${command.status ?? ""}${rtt}${reason}`]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}

function render(status) {
  const connection = status.connection ?? {};
  const robot = status.robot ?? {};
  const mqtt = status.mqtt ?? {};
  show("name", robot.name || "BB-8");
  byId("simulated").hidden = !status.simulate;
  show("state", status.estop ? "emergency stop" : connection.state ?? "unknown");
  byId("state").dataset.state = status.estop ? "estop" : connection.state ?? "unknown";
  show("reason", connection.reason ?? "");
  show("remedy", connection.remedy ?? "");
  byId("clear").hidden = !status.estop;
  show("battery", battery(status.battery));
  show("mqtt", mqtt.connected === undefined ? "unknown" : mqtt.connected ? "connected" : mqtt.reason || "not connected");
  show("address", robot.address || "unknown");
  show("firmware", robot.firmware || "unknown");
  show("version", status.version ? `version ${status.version}` : "");
  if (status.commands?.length) byId("commands").replaceChildren(...status.commands.map(commandRow));
}

function renderLost(error) {
  show("state", "no answer from the app");
  byId("state").dataset.state = "lost";
  show("reason", "The values below are the last known ones.");
  show("remedy", error.name === "TimeoutError" ? "The app may be busy or stopped; look at its log." : "The app may be stopped; look at its log.");
}

async function refresh() {
  try {
    const answer = await request("api/status");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    render(await answer.json());
  } catch (error) {
    renderLost(error);
  }
}

async function post(action) {
  const answer = await request(`api/${action}`, { method: "POST", headers: { "X-Requested-With": "bb8" } });
  if (answer.ok) return;
  const text = await answer.text();
  let reason = text.trim().slice(0, 200);
  try {
    reason = JSON.parse(text).reason || reason;
  } catch {
    // A plain sentence is shown as it is.
  }
  throw new Error(reason || `the app answered with status ${answer.status}`);
}

function words(error) {
  if (error.name === "TimeoutError") return "the app did not answer in time";
  if (error instanceof TypeError) return "the app cannot be reached";
  return error.message;
}

// A stop that did not get through is sent again until it does, or until another button is pressed.
let attempt = 0;

async function press(button) {
  const mine = ++attempt;
  const insist = button.dataset.action === "stop" || button.dataset.action === "estop";
  const result = byId("result");
  delete result.dataset.bad;
  result.textContent = `${button.textContent}: sent`;
  for (;;) {
    try {
      await post(button.dataset.action);
      if (mine === attempt) {
        delete result.dataset.bad;
        result.textContent = `${button.textContent}: done`;
      }
      break;
    } catch (error) {
      if (mine !== attempt) break;
      result.dataset.bad = "";
      result.textContent = `${button.textContent} failed: ${words(error)}.${insist ? " Trying again." : ""}`;
      if (!insist || /not connected|motion is locked/.test(error.message)) break;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (mine !== attempt) break;
    }
  }
  await refresh();
}

async function loop() {
  if (!document.hidden) await refresh();
  setTimeout(loop, INTERVAL_MS);
}

for (const button of document.querySelectorAll("button[data-action]")) {
  button.addEventListener("click", () => press(button));
}

// Space and Escape stop the robot wherever the focus is, except on a button that Space would press.
document.addEventListener("keydown", (event) => {
  const onButton = event.key === " " && event.target instanceof HTMLButtonElement;
  if (event.repeat || onButton || (event.key !== " " && event.key !== "Escape")) return;
  event.preventDefault();
  press(byId("stop"));
});
loop();
