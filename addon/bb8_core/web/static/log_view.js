// The log: commands or packets, filtered, and as a file for a bug report.
const SHOWN = 150;
const KEPT = 1000;
const WAYS = { out: "sent", in: "answer", event: "unasked" };

const clock = (date) => date.toLocaleTimeString([], { hour12: false });
const word = (text) => text.replaceAll("_", " ");

export class Log {
  #commands = [];
  #packets = [];

  constructor(byId, look) {
    this.byId = byId;
    byId("log-kind").addEventListener("change", () => { look(); this.draw(); });
    byId("filter").addEventListener("input", () => this.draw());
    byId("download").addEventListener("click", () => this.#download());
  }

  get packets() {
    return this.byId("log-kind").value === "packets";
  }

  commands(list) {
    this.#commands = list.map((one) => ({
      at: new Date(one.ts), what: word(one.name), data: "",
      outcome: `${one.status}${typeof one.rtt_ms === "number" ? ` (${Math.round(one.rtt_ms)} ms)` : ""}${one.reason ? `: ${one.reason}` : ""}`,
    }));
    if (!this.packets) this.draw();
  }

  add(items) {
    for (const [, at, way, name, data] of items) {
      this.#packets.unshift({ at: new Date(at * 1000), what: `${WAYS[way] ?? way}: ${word(name)}`, outcome: data, data: "yes" });
    }
    this.#packets.length = Math.min(this.#packets.length, KEPT);
    if (this.packets) this.draw();
  }

  #chosen() {
    const wanted = this.byId("filter").value.trim().toLowerCase();
    const all = this.packets ? this.#packets : this.#commands;
    return all.filter((one) => `${one.what} ${one.outcome}`.toLowerCase().includes(wanted));
  }

  draw() {
    const rows = this.#chosen().slice(0, SHOWN).map((one) => {
      const row = document.createElement("tr");
      for (const text of [clock(one.at), one.what, one.outcome]) {
        const cell = document.createElement("td");
        cell.textContent = text;
        row.append(cell);
      }
      if (one.data) row.lastChild.dataset.data = "";
      return row;
    });
    if (!rows.length) {
      const row = document.createElement("tr");
      const cell = document.createElement("td");
      cell.colSpan = 3;
      cell.textContent = "Nothing yet.";
      row.append(cell);
      rows.push(row);
    }
    this.byId("entries").replaceChildren(...rows);
  }

  #download() {
    const lines = this.#chosen().map((one) => [one.at.toISOString(), one.what, one.outcome].join("\t"));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/plain" }));
    link.download = this.packets ? "bb8-packets.txt" : "bb8-commands.txt";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
