// The page's elements, its messages, scrolling and focus.

export const $ = (id) => document.getElementById(id);

export function say(text) {
  $("status").textContent = text;
}

export function showProblem(title, detail) {
  $("problem-title").textContent = title;
  $("problem-detail").textContent = detail;
  $("problem").hidden = false;
  say("");
  reveal($("problem"));
}

/** Makes a change; if it hides the focused control, `control` gets the focus. */
export function passFocusTo(control, change) {
  const before = document.activeElement; // read before hiding it takes the focus away
  change();
  if (before?.closest("[hidden]")) control.focus();
}

export function reveal(element) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "nearest", behavior: isCalm ? "instant" : "smooth" });
}
