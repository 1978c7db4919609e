// What the page waits for: one thing at a time, which can be broken off.

import { $, passFocusTo, reveal, say, showProblem } from "./page.js";

export class Work {
  #running = null; // AbortController of what is under way
  #showButtons;

  /** `showButtons` shows those that depend on whether something runs. */
  constructor(showButtons) {
    this.#showButtons = showButtons;
  }

  get isRunning() {
    return this.#running !== null;
  }

  /** Does what can be broken off, saying `text` meanwhile; whether it went through. */
  async run(text, action) {
    const run = new AbortController();
    const { signal } = run;
    this.#running = run;
    this.#setBusy(true, text);
    const clock = setInterval(tick, 1000, Date.now());
    try {
      await action(signal);
      return !signal.aborted;
    } catch (error) {
      // Who broke it off has said so.
      if (!signal.aborted) showProblem(error.title ?? "Something went wrong", error.message);
      return false;
    } finally {
      clearInterval(clock);
      if (this.#running === run) this.stop();
    }
  }

  /** Breaks off what is under way; without a run under way, only shows that there is none. */
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
    $("go").setAttribute("aria-disabled", busy); // `disabled` would take the focus from it
    $("easel").inert = $("picker").inert = busy; // what is done now wouldn't be in the answer
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
