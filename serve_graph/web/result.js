// The result: an answer's pictures, and what can be done with them.

import { $, passFocusTo, showProblem } from "./page.js";
import { choices, unpack } from "./pictures.js";

export class Result {
  hasChanged = false; // whether any face in the answer has changed
  #pictures = []; // of the answer: {label, url, file}
  #shown = null; // the one being shown

  constructor() {
    $("choices").addEventListener("change", ({ target }) => this.#show(target.value));
    $("share").addEventListener("click", () => this.#share());
  }

  get isThere() {
    return this.#pictures.length > 0;
  }

  /** Shows the answer's first picture; files are named after `stem`, the photo's name. */
  open(answer, stem) {
    this.forget();
    this.hasChanged = answer.faces.some((face) => face.changed);
    this.#pictures = unpack(answer, stem);
    this.#offer(answer);
    this.#show(0);
  }

  forget() {
    for (const { url } of this.#pictures) URL.revokeObjectURL(url);
    this.#pictures = [];
  }

  /** Offers what can be done; if nothing has changed, only drawing a mask by hand. */
  #offer({ faces, candidates, width, height }) {
    const { hasChanged } = this;
    const changed = faces.filter((face) => face.changed);
    const size = ({ box: [x0, , x1] }) => x1 - x0;
    const [largest] = [...changed].sort((a, b) => size(b) - size(a));
    passFocusTo($("go"), () => {
      $("choice").hidden = !hasChanged || this.#pictures.length < 2;
      $("saving").hidden = !hasChanged;
      $("more").hidden = !hasChanged || Boolean(candidates);
    });
    const rows = $("choice").hidden ? [] : choices(this.#pictures, largest.box, { width, height });
    $("choices").replaceChildren(...rows);
    $("mend").textContent = hasChanged ? "Edit the mask" : "Is there one? Show me where";
    $("mend").className = hasChanged ? "quiet" : "main";
    $("after").alt = hasChanged
      ? "After: the same photo with the mask taken off"
      : "The photo you sent: nothing has changed";
  }

  #show(at) {
    this.#shown = this.#pictures[at];
    const { url, file } = this.#shown;
    $("after").src = url;
    $("download").href = url;
    $("download").download = file.name;
    const isPhone = matchMedia("(pointer: coarse)").matches;
    $("share").hidden = !isPhone || !navigator.canShare?.({ files: [file] });
  }

  async #share() {
    try {
      await navigator.share({ files: [this.#shown.file] });
    } catch (error) {
      if (error.name === "AbortError") return; // the user closed the share dialog
      showProblem("That couldn't be shared", "Download it, and send it from there.");
    }
  }
}
