// What a person drives with: the stick on the page, the keyboard, a gamepad.
const KEYS = {
  KeyW: [0, 1], ArrowUp: [0, 1], KeyS: [0, -1], ArrowDown: [0, -1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};
const DEAD_ZONE = 0.15;
const PAD_STOP = [1, 2];
const PAD_ESTOP = 9;

export function stick(element, knob, grip) {
  let pointer = null;
  const place = (x, y) => { knob.style.translate = `${x * 85}% ${-y * 85}%`; };
  let box = null;
  let at = null;
  const steer = (event) => {
    let x = ((event.clientX - box.left) / box.width) * 2 - 1;
    let y = 1 - ((event.clientY - box.top) / box.height) * 2;
    const far = Math.hypot(x, y);
    if (far > 1) { x /= far; y /= far; }
    at = { x, y };
    grip.set("stick", far < DEAD_ZONE ? null : at);
  };
  const show = () => at && place(at.x, at.y);
  const end = () => {
    pointer = at = null;
    place(0, 0);
    grip.set("stick", null);
  };
  element.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button > 0) return;
    pointer = event.pointerId;
    element.setPointerCapture(pointer);
    box = element.getBoundingClientRect();
    steer(event);
    show();
  });
  // Raw updates come at once, moves only with the next frame. Browsers give them to secure pages alone.
  const moved = "onpointerrawupdate" in element ? "pointerrawupdate" : "pointermove";
  element.addEventListener(moved, (event) => event.pointerId === pointer && steer(event));
  element.addEventListener("pointermove", (event) => event.pointerId === pointer && show());
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
    element.addEventListener(kind, (event) => event.pointerId === pointer && end());
  }
  element.addEventListener("contextmenu", (event) => event.preventDefault());
  grip.addEventListener("drop", () => { pointer = null; });
  grip.addEventListener("change", () => {
    element.toggleAttribute("data-held", grip.held);
    if (pointer === null) place(grip.vector?.x ?? 0, grip.vector?.y ?? 0);
  });
}

const writes = (target) => target.matches?.("input, select, textarea");

export function keys(grip, stop, moves) {
  const down = new Set();
  const steer = () => {
    let x = 0;
    let y = 0;
    for (const code of down) { x += KEYS[code][0]; y += KEYS[code][1]; }
    const far = Math.max(1, Math.hypot(x, y));
    grip.set("keys", x || y ? { x: x / far, y: y / far } : null);
  };
  document.addEventListener("keydown", (event) => {
    if (event.code === "Escape") return stop(event);
    if (event.code === "Space") return space(event, grip.held || moves(), stop);
    if (!(event.code in KEYS) || writes(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code.startsWith("Arrow") && event.target.matches?.("[role=slider], .table")) return;
    event.preventDefault();
    if (event.repeat) return;
    down.add(event.code);
    steer();
  });
  document.addEventListener("keyup", (event) => {
    // Some browsers press a button when Space comes up, whatever happened on the way down.
    if (event.code === "Space" && stopped) event.preventDefault();
    if (event.code === "Space") stopped = false;
    if (down.delete(event.code)) steer();
  });
  const none = () => {
    if (!down.size) return;
    down.clear();
    steer();
  };
  grip.addEventListener("drop", () => down.clear());
  addEventListener("blur", none);
}

let stopped = false;

// Space presses a focused button as everywhere, unless the robot moves: the focus is often on what moved it.
function space(event, moving, stop) {
  const presses = writes(event.target) || event.target.matches?.("button, [role=slider]");
  if (presses && !moving && !stopped) return;
  event.preventDefault();
  stopped = true;
  if (!event.repeat) stop();
}

export function gamepad(grip, stop, estop, tell) {
  const pressed = new Set();
  let frame = 0;
  const once = (pad, button, action) => {
    const key = `${pad.index}:${button}`;
    if (!pad.buttons[button]?.pressed) pressed.delete(key);
    else if (!pressed.has(key)) { pressed.add(key); action(); }
  };
  const look = () => {
    const pad = [...navigator.getGamepads()].find((one) => one?.connected && one.mapping === "standard");
    if (!pad) return gone();
    for (const button of PAD_STOP) once(pad, button, stop);
    once(pad, PAD_ESTOP, estop);
    const [x, y] = [pad.axes[0], -pad.axes[1]];
    grip.set("pad", Math.hypot(x, y) < DEAD_ZONE ? null : { x, y });
    frame = requestAnimationFrame(look);
  };
  const gone = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    grip.set("pad", null);
    tell("");
  };
  addEventListener("gamepadconnected", (event) => {
    const fits = event.gamepad.mapping === "standard";
    tell(fits ? "Gamepad: left stick drives, B or X stops, Start is the emergency stop." : "This gamepad has no standard mapping, so it cannot drive.");
    if (fits && !frame) frame = requestAnimationFrame(look);
  });
  addEventListener("gamepaddisconnected", look);
}
