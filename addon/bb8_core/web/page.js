// Keeps the status page fresh and sends its buttons. Text only ever goes in as text, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);
const show = (id, text) => { byId(id).textContent = text; };
const INTERVAL_MS = 1000;
const DEADLINE_MS = 4000;

function request(path, options = {}) {
  return fetch(path, { cache: "no-store", signal: AbortSignal.timeout(DEADLINE_MS), ...options });
}

function battery(value) {
  if (!value) return "unknown";
  const volts = typeof value.voltage_v === "number" ? `${value.voltage_v.toFixed(2)} V` : "";
  return [value.state, volts].filter(Boolean).join(", ") || "unknown";
}

function commandRow(command) {
  const row = document.createElement("tr");
  const rtt = typeof command.rtt_ms === "number" ? ` (${Math.round(command.rtt_ms)} ms)` : "";
  const reason = command.reason ? `: ${command.reason}` : "";
  for (const text of [String(command.ts ?? ""), String(command.name ?? ""), `${command.status ?? ""}${rtt}${reason}`]) {
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
  show("state", "no answer from the add-on");
  byId("state").dataset.state = "lost";
  show("reason", "What is shown below is the last that was known.");
  show("remedy", error.name === "TimeoutError" ? "It may be busy or stopped: look at its log." : "It may be stopped: look at its log.");
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

async function press(button) {
  const result = byId("result");
  delete result.dataset.bad;
  result.textContent = `${button.textContent}: sent`;
  try {
    const answer = await request(`api/${button.dataset.action}`, { method: "POST", headers: { "X-Requested-With": "bb8" } });
    if (!answer.ok) throw new Error((await answer.text()).slice(0, 200) || `status ${answer.status}`);
    result.textContent = `${button.textContent}: done`;
  } catch (error) {
    result.dataset.bad = "";
    result.textContent = `${button.textContent} failed: ${error.message}`;
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
loop();
