// The user's scenes: a row with Play and Preview for each, and what is wrong in the files.
export class SceneList {
  #shown = "";

  constructor(byId, play, preview, load) {
    this.byId = byId;
    this.play = play;
    this.preview = preview;
    byId("load-scenes").addEventListener("click", load);
  }

  show(scenes) {
    const news = JSON.stringify(scenes);
    if (!scenes || news === this.#shown) return;
    this.#shown = news;
    if (scenes.names.length) this.byId("scenes").replaceChildren(...scenes.names.map((name) => this.#row(name)));
    this.byId("scene-problems").replaceChildren(...scenes.problems.map((problem) => {
      const item = document.createElement("li");
      item.textContent = problem;
      return item;
    }));
  }

  #row(name) {
    const row = document.createElement("div");
    row.className = "row";
    const title = document.createElement("span");
    title.textContent = name.replaceAll("_", " ");
    row.append(title, this.#button("Play", name, this.play), this.#button("Preview", name, this.preview));
    return row;
  }

  #button(text, name, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.dataset.scene = name;
    button.setAttribute("aria-label", `${text} ${name}`);
    button.addEventListener("click", () => act(name));
    return button;
  }
}
