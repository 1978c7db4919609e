// The slider between the photos before and after.

/** Finger or mouse moves the cut anywhere on the picture; `input` is for the keyboard. */
export class Slider {
  #figure;
  #input;

  constructor(figure, input) {
    this.#figure = figure;
    this.#input = input;
    input.addEventListener("input", () => this.move(Number(input.value)));
    figure.addEventListener("pointerdown", (event) => this.#drag(event));
    figure.addEventListener("pointermove", (event) => this.#drag(event));
  }

  move(percent) {
    const cut = Math.min(100, Math.max(0, percent));
    this.#input.value = cut;
    this.#figure.style.setProperty("--cut", `${cut}%`);
  }

  #drag(event) {
    if (!event.isPrimary) return; // of two fingers that enlarge the page
    if (event.type === "pointermove" && event.buttons === 0) return;
    const { left, width } = this.#figure.getBoundingClientRect();
    this.move((100 * (event.clientX - left)) / width);
  }
}
