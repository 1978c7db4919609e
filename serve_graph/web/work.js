// What the page waits for: one task at a time, which can be cancelled.

import { $, passFocusTo, reveal, say, showProblem } from "./page.js";

export class Work {
  #running = null; // AbortController of the running task
  #showButtons;

  /** `showButtons` updates the buttons that depend on whether a task is running. */
  constructor(showButtons) {
    this.#showButtons = showButtons;
  }

  get isRunning() {
    return this.#running !== null;
  }

  /** Runs a cancellable action and shows `text` meanwhile; true if it succeeded. */
  async run(text, action) {
    const run = new AbortController();
    const { signal } = run;
    this.#running = run;
    this.#setBusy(true, text);
    const clock = setInterval(tick, 1000, Date.now());
    signal.addEventListener("abort", () => clearInterval(clock)); // the action may end later
    try {
      await action(signal);
      return !signal.aborted;
    } catch (error) {
      // Whoever cancelled it has said so.
      if (!signal.aborted) showProblem(error.title ?? "Something went wrong", error.message);
      return false;
    } finally {
      if (this.#running === run) this.stop();
    }
  }

  /** Cancels the running task; if there is none, only updates the page. */
  stop() {
    this.#running?.abort();
    this.#running = null;
    this.#setBusy(false);
  }

  cancel() {
    this.stop();
    say("Cancelled.");
  }

  #setBusy(busy, text) {
    $("go").setAttribute("aria-disabled", busy); // `disabled` would make it lose the focus
    // Edits made now wouldn't be in the answer.
    for (const one of ["easel", "picker", "picking"]) $(one).inert = busy;
    passFocusTo($("go"), () => {
      $("progress").hidden = !busy;
      this.#showButtons();
    });
    $("elapsed").textContent = "";
    if (!busy) return;
    $("problem").hidden = $("consent-error").hidden = true;
    say(text);
    reveal($("cancel"));
  }
}

function tick(start) {
  $("elapsed").textContent = `${Math.round((Date.now() - start) / 1000)} s`;
}
