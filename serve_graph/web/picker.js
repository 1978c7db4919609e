// Choosing faces: a button over each face of a photo.

import { visible } from "./photo.js";

/** Pressed faces are chosen; if none is, the service decides. */
export class Picker {
  chosen = []; // the service's numbers of the faces
  count = 0; // faces in the photo
  #holder;
  #onChange;

  constructor(holder, onChange) {
    this.#holder = holder;
    this.#onChange = onChange;
  }

  /** Offers faces, in px of a photo of `size`, as the service sends them; `single`: one at most. */
  open(faces, size, single) {
    this.count = faces.length;
    const ordered = [...faces].sort((a, b) => a.box[0] - b.box[0]); // in Tab order
    const buttons = ordered.map((face, at) => this.#button(face, at + 1, size, single));
    this.#holder.replaceChildren(...buttons);
    this.#showChosen();
  }

  clear() {
    this.chosen = [];
    this.#showChosen();
  }

  #button({ box, index }, number, size, single) {
    const { width, height } = size;
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const [x0, y0, x1, y1] = visible(box, size);
    button.className = "face";
    button.value = index;
    button.textContent = number;
    button.setAttribute("aria-label", `Face ${number} of ${this.count} from the left`);
    button.style.left = `${(100 * x0) / width}%`;
    button.style.top = `${(100 * y0) / height}%`;
    button.style.width = `${(100 * (x1 - x0)) / width}%`;
    button.style.height = `${(100 * (y1 - y0)) / height}%`;
    button.addEventListener("click", () => this.#toggle(index, single));
    return button;
  }

  #toggle(index, single) {
    const others = this.chosen.filter((one) => one !== index);
    if (others.length < this.chosen.length) this.chosen = others;
    else this.chosen = single ? [index] : [...others, index];
    this.#showChosen();
  }

  #showChosen() {
    for (const button of this.#holder.children) {
      button.setAttribute("aria-pressed", this.chosen.includes(Number(button.value)));
    }
    this.#onChange();
  }
}
