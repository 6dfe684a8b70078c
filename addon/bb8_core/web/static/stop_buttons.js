// Stop, emergency stop and clear: sent at once over the socket, and again by HTTP until the app confirms.
const DEADLINE_MS = 4000;
const RETRY_MS = 1000;

async function post(action) {
  const answer = await fetch(`api/${action}`, {
    method: "POST", headers: { "X-Requested-With": "bb8" }, cache: "no-store", signal: AbortSignal.timeout(DEADLINE_MS),
  });
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

export class Stops {
  #attempt = 0;

  constructor(link, grip, show) {
    this.link = link;
    this.grip = grip;
    this.show = show;
  }

  // A stop that did not get through is sent again until it does, or until another button is pressed.
  async press(action, label) {
    const mine = ++this.#attempt;
    const insist = action !== "clear_estop";
    if (insist) this.grip.drop();
    if (this.link.open) this.link.ask(action);
    this.show(`${label}: sent`);
    for (;;) {
      try {
        await post(action);
        if (mine === this.#attempt) this.show(`${label}: done`);
        return;
      } catch (error) {
        if (mine !== this.#attempt) return;
        const again = insist && !/not connected|motion is locked/.test(error.message);
        this.show(`${label} failed: ${words(error)}.${again ? " Trying again." : ""}`, true);
        if (!again) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        if (mine !== this.#attempt) return;
      }
    }
  }
}
