// The page: a photo (and perhaps the person's own face) in, POST /v1/unmask, before and after out.
// Nothing is kept: pictures live in this tab as object URLs and go when it closes.

import { arriving, post, titled } from "./ask.js";
import { Drawing, Easel } from "./mend.js";
import { isTurnedAlike, showPicture, takeDrops } from "./photo.js";
import { Picker } from "./picker.js";
import { choices, unpack } from "./pictures.js";
import { Slider } from "./slider.js";
import { describeFaces, describeSwap, describeTiming } from "./words.js";

const $ = (id) => document.getElementById(id);
const easel = new Easel($("mask"), $("ring"), $("brush-size"), $("eraser"));
const picker = new Picker($("faces"), nameFaces);
const slider = new Slider($("compare"), $("cut"));
const GUESSES = 4; // the most that the service paints at once

let photo = null; // File
let running = null; // AbortController of the request under way
let view = "drop"; // what the stage shows: "drop", "compare", "easel" or "picker"
let pictures = []; // of the answer: {label, url, file}
let shown = null; // the one of them that is seen
let upright = null; // {width, height} of the photo as the service sees it, px
let found = null; // [{index, box}] of all faces, once they are known
let hasChanged = false; // whether the answer's faces did
let drawing = null; // Drawing over this photo: stays for another round
let mended = null; // Blob: the drawn mask of the answer that is shown; null: as found

// --- choosing ---------------------------------------------------------------------------------

function setPhoto(file) {
  stop();
  photo = file;
  found = null;
  picker.clear();
  $("example").hidden = true;
  $("photo").setAttribute("aria-label", `Photo: ${file.name || "pasted"}. Choose another`);
  clearResult();
  showPicture($("preview"), file, (shown) => {
    $("preview").hidden = !shown;
    $("hint").hidden = shown;
    $("hint").querySelector("strong").textContent = file.name || "Pasted photo";
    $("hint-more").textContent = "This browser can't show it, but the service may read it.";
  });
  say("Photo chosen. Press “Take the mask off”.");
}

function setReference(file) {
  $("consent").checked = false; // it was given for the face before
  const name = file ? file.name || "Pasted photo" : "Photo without a mask";
  $("reference-name").textContent = name;
  if (file) $("own-face").open = true;
  if (file && picker.chosen.length > 1) picker.clear(); // one person's face goes on one
  nameFaces();
  if (view === "picker") openPicker();
  passFocusTo($("reference"), () => {
    $("reference-remove").hidden = $("consent-row").hidden = !file;
  });
  $("consent-error").hidden = true;
  $("reference-preview").hidden = true;
  if (file) {
    showPicture($("reference-preview"), file, (shown) => {
      $("reference-preview").hidden = !shown;
    });
  }
}

function dropReference() {
  $("reference").value = "";
  setReference(null);
}

async function takeExample() {
  if (running) return;
  await whileBusy("Fetching the example…", async (signal) => {
    const response = await arriving(fetch("static/example.jpg", { signal }));
    if (!response.ok) throw titled("The example isn't here", "Choose a photo of your own.");
    const picture = await arriving(response.blob());
    if (signal.aborted) return;
    setPhoto(new File([picture], "example.jpg", { type: picture.type }));
    say("A portrait by NASA; the mask is drawn. Press “Take the mask off”.");
  });
}

// --- asking -----------------------------------------------------------------------------------

async function submit(event) {
  event.preventDefault();
  if (running || !isReady()) return;
  await whileBusy("Finding the faces and painting…", async (signal) => {
    // Run again is for another expression or face: what was mended stays mended.
    await paint(view === "easel" ? await drawing.toPng() : mended, 1, signal);
  });
}

async function askForMore() {
  if (running || !isReady()) return;
  await whileBusy("Painting other guesses…", (signal) => paint(mended, GUESSES, signal));
}

async function paint(mask, candidates, signal) {
  const response = await ask(mask, candidates, signal);
  const answer = await arriving(response.json());
  if (signal.aborted) return;
  mended = mask;
  showAnswer(answer, response.headers.get("Server-Timing"));
}

/** Whether there is a photo, and consent where it takes one; says what is missing. */
function isReady() {
  if (!hasPhoto()) return false;
  if ($("reference").files[0] && !$("consent").checked) {
    $("own-face").open = true;
    $("consent-error").hidden = false;
    $("consent").focus();
    return false;
  }
  return true;
}

function hasPhoto() {
  if (photo) return true;
  showProblem("No photo yet", "Choose, drop or paste a photo first.");
  $("photo").focus();
  return false;
}

/** Does what can be broken off; whether it went through. */
async function whileBusy(text, work) {
  const run = new AbortController();
  const { signal } = run;
  running = run;
  setBusy(true, text);
  const clock = setInterval(tick, 1000, Date.now());
  try {
    await work(signal);
    return !signal.aborted;
  } catch (error) {
    // Who broke it off has said so.
    if (!signal.aborted) showProblem(error.title ?? "Something went wrong", error.message);
    return false;
  } finally {
    clearInterval(clock);
    if (running === run) stop();
  }
}

/** Breaks off what is under way; without a run under way, only shows that there is none. */
function stop() {
  running?.abort();
  running = null;
  setBusy(false);
}

function cancel() {
  stop();
  say("Cancelled.");
}

function ask(mask, candidates, signal) {
  const fields = { photo, expression: $("expression").value };
  const reference = $("reference").files[0];
  // Of a group, the others aren't this person.
  if (reference) Object.assign(fields, { reference, consent: "true", faces: "largest" });
  if (picker.chosen.length) fields.faces = picker.chosen.join();
  if (candidates > 1) fields.candidates = candidates;
  if (mask) fields.mask = mask;
  return post("v1/unmask", fields, "application/json", signal, sayBusy);
}

function sayBusy() {
  say("Busy, trying again…");
}

// --- choosing faces ---------------------------------------------------------------------------

async function pick() {
  if (running || !hasPhoto()) return;
  if (!found && !(await whileBusy("Finding the faces…", fetchFaces))) return;
  const file = photo;
  const isShown = await new Promise((done) => showPicture($("picker-photo"), file, done));
  const alike = isShown && (await isTurnedAlike(file, $("picker-photo"), upright));
  if (file !== photo) return; // another one meanwhile
  if (found.length === 1) {
    showView(view, $("go")); // without that choice
    say("There is only one face.");
    return;
  }
  if (!alike) {
    showProblem("Faces can't be chosen", "This browser doesn't show the photo upright.");
    return;
  }
  openPicker();
  showView("picker", $("faces").firstElementChild);
  reveal($("stage"));
}

async function fetchFaces(signal) {
  const response = await post("v1/mask", { photo }, "application/json", signal, sayBusy);
  const answer = await arriving(response.json());
  if (signal.aborted) return;
  upright = { width: answer.width, height: answer.height };
  found = answer.faces;
}

function openPicker() {
  const single = Boolean($("reference").files[0]);
  picker.open(found, upright, single);
  say(single ? "Press the face that is yours." : "Press the faces whose mask shall come off.");
}

/** Says which faces are worked on. */
function nameFaces() {
  const others = $("reference").files[0] ? "The largest" : "All";
  const { chosen, count } = picker;
  $("pick").textContent = chosen.length ? `${chosen.length} of ${count}` : others;
  $("unpick").textContent = others;
}

function leavePicker() {
  showView(viewBehind(), $("pick"));
  say("");
}

// --- mending ----------------------------------------------------------------------------------

async function mend() {
  if (running || !isReady()) return;
  drawing ??= new Drawing(upright.width, upright.height);
  if (!drawing.found && !(await whileBusy("Fetching the mask that was found…", fetchFound))) return;
  $("easel-photo").src = $("before").src;
  showView("easel", $("brush"));
  easel.open(drawing);
  reveal($("stage"));
  say("Brush over what shall be painted, erase what shall stay. Then press “Paint again”.");
}

/** Gets the found mask into the drawing; where none was found it can be drawn without. */
async function fetchFound(signal) {
  try {
    const response = await post("v1/mask", { photo }, "image/png", signal, sayBusy);
    const mask = await arriving(response.blob());
    if (!signal.aborted) drawing.found = mask;
  } catch (error) {
    if (signal.aborted) throw error;
    if (!hasChanged || mended) return;
    const again = "Press “Mend the mask” to fetch it again.";
    throw titled("The found mask isn't here", `${error.message} ${again}`);
  }
}

function undo() {
  if (running) return; // what is sent has the last stroke
  if (!easel.undo()) say("There is nothing to undo.");
}

/** Leaves the canvas. */
function leaveEasel() {
  if (running) return;
  showView("compare", $("mend"));
  $("problem").hidden = true; // it was of the drawing
  say("Not painted again. What you drew stays until another photo.");
}

/** Breaks off what is under way, or else leaves what is open on the stage. */
function leave() {
  if (running) cancel();
  else if (view === "easel") leaveEasel();
  else if (view === "picker") leavePicker();
}

// --- showing ----------------------------------------------------------------------------------

/** Shows one thing on the stage, with what belongs to it; `control` gets a focus that is lost. */
function showView(next, control) {
  view = next;
  if (view !== "easel") easel.close();
  passFocusTo(control, () => {
    for (const one of ["drop", "compare", "easel", "picker"]) $(one).hidden = one !== view;
    $("tools").hidden = view !== "easel";
    $("picking").hidden = view !== "picker";
    $("result").hidden = $("timing").hidden = view !== "compare";
    $("own-face").hidden = $("expression-row").hidden = view === "easel";
    $("faces-row").hidden = view === "easel" || view === "picker" || found?.length === 1;
    showButtons();
  });
  const names = { easel: "Paint again", compare: "Run again" };
  $("go").textContent = names[view] ?? "Take the mask off";
  $("go").className = view === "compare" ? "quiet" : "main";
}

/** Those that depend on whether something runs, too. */
function showButtons() {
  $("cancel").hidden = !running;
  $("leave").hidden = Boolean(running) || view !== "easel";
  $("again").hidden = !photo || Boolean(running) || view === "easel" || view === "picker";
}

/** What the stage shows when nothing is drawn or picked there. */
function viewBehind() {
  return pictures.length ? "compare" : "drop";
}

function showAnswer(answer, timing) {
  const { faces, swapped, candidates } = answer;
  forgetPictures();
  upright = { width: answer.width, height: answer.height };
  const chosen = picker.chosen.length > 0;
  if (!chosen && !swapped) found = faces;
  hasChanged = faces.some((face) => face.changed);
  pictures = unpack(answer, (photo.name || "photo").replace(/\.[^.]*$/, ""));
  offerPictures(faces, candidates);
  $("timing").textContent = describeTiming(timing);
  const file = photo;
  showPicture($("before"), file, async (isShown) => {
    const alike = isShown && (await isTurnedAlike(file, $("before"), upright));
    if (file !== photo) return; // another one meanwhile
    $("compare").classList.toggle("only-after", !alike || !hasChanged);
    $("mend").hidden = !alike;
  });
  show(pictures[0]);
  slider.move(50);
  showView("compare", $("go"));
  if (candidates) say(`${candidates.length} guesses, the most likely first: choose one.`);
  else say(swapped ? describeSwap(faces, chosen) : describeFaces(faces, chosen, mended));
  reveal($("stage"));
}

/** What can be done with the answer; where nothing changed, only that a mask is drawn by hand. */
function offerPictures(faces, candidates) {
  const changed = faces.filter((face) => face.changed);
  const size = ({ box: [x0, , x1] }) => x1 - x0;
  const [largest] = [...changed].sort((a, b) => size(b) - size(a));
  passFocusTo($("go"), () => {
    $("choice").hidden = !hasChanged || pictures.length < 2;
    $("saving").hidden = !hasChanged;
    $("more").hidden = !hasChanged || Boolean(candidates);
  });
  $("choices").replaceChildren(...($("choice").hidden ? [] : choices(pictures, largest.box)));
  $("mend").textContent = hasChanged ? "Mend the mask" : "It wears one? Show me where";
  $("mend").className = hasChanged ? "quiet" : "main";
  $("after").alt = hasChanged
    ? "After: the same photo with the mask taken off"
    : "The photo you sent: nothing has changed";
}

function show(picture) {
  shown = picture;
  const { url, file } = picture;
  $("after").src = url;
  $("download").href = url;
  $("download").download = file.name;
  const isPhone = matchMedia("(pointer: coarse)").matches;
  $("share").hidden = !isPhone || !navigator.canShare?.({ files: [file] });
}

async function share() {
  try {
    await navigator.share({ files: [shown.file] });
  } catch (error) {
    if (error.name === "AbortError") return; // nobody was picked to get it
    showProblem("That couldn't be shared", "Download it, and send it from there.");
  }
}

function forgetPictures() {
  for (const { url } of pictures) URL.revokeObjectURL(url);
  pictures = [];
}

function clearResult() {
  drawing = mended = null;
  forgetPictures();
  passFocusTo($("go"), () => ($("problem").hidden = $("mend").hidden = true));
  showView("drop", $("go"));
}

function showProblem(title, detail) {
  $("problem-title").textContent = title;
  $("problem-detail").textContent = detail;
  $("problem").hidden = false;
  say("");
  reveal($("problem"));
}

function setBusy(busy, text) {
  $("go").setAttribute("aria-disabled", busy); // `disabled` would take the focus from it
  $("easel").inert = $("picker").inert = busy; // what is done now wouldn't be in the answer
  passFocusTo($("go"), () => {
    $("progress").hidden = !busy;
    showButtons();
  });
  $("elapsed").textContent = "";
  if (!busy) return;
  $("problem").hidden = $("consent-error").hidden = true;
  say(text);
  reveal($("cancel"));
}

function tick(start) {
  $("elapsed").textContent = `${Math.round((Date.now() - start) / 1000)} s`;
}

/** Makes a change; where it hides the control that has the focus, another one gets it. */
function passFocusTo(control, change) {
  const before = document.activeElement; // hidden, it wouldn't be it any more
  change();
  if (before?.closest("[hidden]")) control.focus();
}

function reveal(element) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "nearest", behavior: isCalm ? "instant" : "smooth" });
}

function say(text) {
  $("status").textContent = text;
}

// --- wiring -----------------------------------------------------------------------------------

$("photo").addEventListener("change", () => {
  const [file] = $("photo").files;
  $("photo").value = ""; // so that choosing the same file again is a change
  if (file) setPhoto(file);
});
$("reference").addEventListener("change", () => setReference($("reference").files[0]));
$("reference-remove").addEventListener("click", dropReference);
$("consent").addEventListener("change", () => ($("consent-error").hidden = true));
$("form").addEventListener("submit", submit);
$("cancel").addEventListener("click", cancel);
$("leave").addEventListener("click", leaveEasel);
$("again").addEventListener("click", () => $("photo").click());
$("example").addEventListener("click", takeExample);
$("more").addEventListener("click", askForMore);
$("share").addEventListener("click", share);
$("pick").addEventListener("click", pick);
$("picked").addEventListener("click", leavePicker);
$("unpick").addEventListener("click", () => {
  picker.clear();
  leavePicker();
});
$("mend").addEventListener("click", mend);
$("undo").addEventListener("click", undo);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && (view === "easel" || view === "picker")) leave();
  if (event.key === "z" && view === "easel" && (event.ctrlKey || event.metaKey)) undo();
});
$("choices").addEventListener("change", (event) => show(pictures[event.target.value]));

takeDrops($("stage"), setPhoto);
takeDrops($("reference-drop"), (file) => {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  $("reference").files = transfer.files;
  setReference(file);
});
document.addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) setPhoto(file);
});
// A photo that misses its place must not replace the page.
window.addEventListener("dragover", (event) => event.preventDefault());
window.addEventListener("drop", (event) => event.preventDefault());
// A browser that goes back may fill in the inputs of then; one that kept the page shows all of it.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) dropReference();
});

// Chosen before this was read: there were no listeners yet.
if ($("photo").files[0]) $("photo").dispatchEvent(new Event("change"));
$("go").disabled = false;
