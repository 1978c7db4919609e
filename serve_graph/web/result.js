// The result: an answer's pictures, and what can be done with them.

import { $, passFocusTo, showProblem } from "./page.js";
import { choices } from "./pictures.js";

const ROOM = 0.1; // shown of the result left of a face, in widths of that face

export class Result {
  hasChanged = false; // whether any face in the answer has changed
  #pictures = []; // of the answer: {label, url, file}
  #shown = null; // the one being shown
  #cut = 0; // where the slider shows all changed faces as they are now, per cent
  #slider;

  constructor(slider) {
    this.#slider = slider;
    $("choices").addEventListener("change", ({ target }) => this.#show(target.value));
    $("share").addEventListener("click", () => this.#share());
  }

  get isThere() {
    return this.#pictures.length > 0;
  }

  /** Shows the first of an answer's unpacked pictures. */
  open(answer, pictures) {
    this.forget();
    const changed = answer.faces.filter((face) => face.changed);
    this.hasChanged = changed.length > 0;
    this.#pictures = pictures.map((one) => ({ ...one, url: URL.createObjectURL(one.file) }));
    const lefts = changed.map(({ box: [x0, , x1] }) => x0 - ROOM * (x1 - x0));
    this.#cut = (100 * Math.min(...lefts)) / answer.width;
    this.#offer(answer, changed);
    this.#show(0);
  }

  forget() {
    for (const { url } of this.#pictures) URL.revokeObjectURL(url);
    this.#pictures = [];
  }

  /** Offers what can be done; if nothing has changed, only drawing a mask by hand. */
  #offer({ candidates, width, height }, changed) {
    const { hasChanged } = this;
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
    this.#slider.move(this.#cut);
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
