// The page's elements, what it says, and where the eyes and the focus go.

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

/** Makes a change; where it hides the control that has the focus, another one gets it. */
export function passFocusTo(control, change) {
  const before = document.activeElement; // hidden, it wouldn't be it any more
  change();
  if (before?.closest("[hidden]")) control.focus();
}

export function reveal(element) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "nearest", behavior: isCalm ? "instant" : "smooth" });
}
