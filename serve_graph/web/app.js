// The page: takes a photo and optionally the person's own face, calls POST /v1/unmask, shows before
// and after.
// Nothing is stored: pictures live in this tab as object URLs until it closes.

import { arriving, checkReadable, post, titled } from "./ask.js";
import { Drawing, Easel } from "./mend.js";
import { $, passFocusTo, reveal, say, showProblem } from "./page.js";
import { hindrance, showPicture, takeDrops } from "./photo.js";
import { Picker } from "./picker.js";
import { unpack } from "./pictures.js";
import { Result } from "./result.js";
import { Slider } from "./slider.js";
import { describeFaces, describeSwap, describeTiming } from "./words.js";
import { Work } from "./work.js";

const easel = new Easel($("mask"), $("ring"), $("brush-size"), $("eraser"));
const picker = new Picker($("faces"), nameFaces);
const result = new Result(new Slider($("compare"), $("cut")));
const work = new Work(showButtons);
const GUESSES = 4; // the service's limit

let photo = null; // File
let view = "drop"; // what the stage shows: "drop", "compare", "easel" or "picker"
let upright = null; // {width, height} of the upright photo as the service sees it, once known; px
let found = null; // [{index, box}] of all faces, once they are known
let drawing = null; // Drawing over this photo; kept for another round of editing
let mended = null; // Blob: the drawn mask behind the answer shown; null if it was found

// --- choosing ---------------------------------------------------------------------------------

function setPhoto(file) {
  work.stop();
  photo = file;
  found = upright = null;
  picker.clear();
  passFocusTo($("go"), () => ($("example").hidden = true));
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
  $("consent").checked = false; // it was given for the previous face
  const name = file ? file.name || "Pasted photo" : "Photo without a mask";
  $("reference-name").textContent = name;
  if (file) $("own-face").open = true;
  if (file && picker.chosen.length > 1) picker.clear(); // one person's face goes on one face only
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
  if (work.isRunning) return;
  await work.run("Fetching the example…", async (signal) => {
    const response = await arriving(fetch("static/example.jpg", { signal }));
    if (!response.ok) throw titled("The example couldn't be loaded", "Choose a photo of your own.");
    const picture = await arriving(response.blob());
    if (signal.aborted) return;
    setPhoto(new File([picture], "example.jpg", { type: picture.type }));
    say("A portrait by NASA; the mask is drawn on. Press “Take the mask off”.");
  });
}

// --- asking -----------------------------------------------------------------------------------

async function submit(event) {
  event.preventDefault();
  if (work.isRunning || !isReady()) return;
  await work.run("Finding the faces and painting…", async (signal) => {
    // “Run again” tries another expression or face: an edited mask stays in use.
    await paint(view === "easel" ? await drawing.toPng() : mended, 1, signal);
  });
}

async function askForMore() {
  if (work.isRunning || !isReady()) return;
  await work.run("Painting other guesses…", (signal) => paint(mended, GUESSES, signal));
}

async function paint(mask, candidates, signal) {
  const fields = fieldsOf(mask, candidates);
  const chosen = picker.chosen.length > 0; // read now: a reference added meanwhile clears it
  const response = await post("v1/unmask", fields, "application/json", signal, sayBusy);
  const answer = await arriving(response.json());
  const pictures = await unpack(answer, (photo.name || "photo").replace(/\.[^.]*$/, ""));
  if (signal.aborted) return;
  mended = mask;
  if (!fields.faces && !mask) found = answer.faces; // otherwise some may be left out
  showAnswer(answer, pictures, chosen, response.headers.get("Server-Timing"));
}

/** True if there is a photo, and consent if it is needed; otherwise shows what is missing. */
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

function fieldsOf(mask, candidates) {
  const fields = { photo, expression: $("expression").value };
  const reference = $("reference").files[0];
  // In a group photo, the others aren't this person.
  if (reference) Object.assign(fields, { reference, consent: "true", faces: "largest" });
  if (picker.chosen.length) fields.faces = picker.chosen.join();
  if (candidates > 1) fields.candidates = candidates;
  if (mask) fields.mask = mask;
  return fields;
}

function sayBusy() {
  say("Busy, trying again…");
}

// --- choosing faces ---------------------------------------------------------------------------

async function pick() {
  if (work.isRunning || !hasPhoto()) return;
  if (!(await work.run("Finding the faces…", findFaces))) return;
  if (found.length === 1) {
    showView(view, $("go")); // hides the row that offers the choice
    say("There is only one face.");
    return;
  }
  openPicker();
  showView("picker", $("faces").firstElementChild);
  reveal($("stage"));
}

/** Shows the photo and fetches its faces; throws if they can't be marked, best before the call. */
async function findFaces(signal) {
  const file = photo;
  await new Promise((done) => showPicture($("picker-photo"), file, done));
  await checkMarkable(file);
  if (!found) await fetchFaces(signal);
  if (!signal.aborted && found.length > 1) await checkMarkable(file); // now its size is known
}

async function checkMarkable(file) {
  const why = await hindrance(file, $("picker-photo"), upright);
  if (!why) return;
  await checkReadable(file);
  const rest = "The mask can't be edited here either. The other tools still work.";
  throw titled("Faces can't be chosen here", `${why} ${rest}`);
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
  say(single ? "Select your face." : "Select the faces to unmask.");
}

/** Shows which faces will be edited. */
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

// --- editing the mask -------------------------------------------------------------------------

async function mend() {
  if (work.isRunning || !isReady()) return;
  drawing ??= new Drawing(upright.width, upright.height);
  if (!drawing.found && !(await work.run("Fetching the mask that was found…", fetchFound))) return;
  $("easel-photo").src = $("before").src;
  showView("easel", $("brush"));
  easel.open(drawing);
  reveal($("stage"));
  say("Brush over what to repaint, erase what to keep. Then press “Paint again”.");
}

/** Fetches the found mask for the drawing; if no mask was found, the user draws from scratch. */
async function fetchFound(signal) {
  try {
    const response = await post("v1/mask", { photo }, "image/png", signal, sayBusy);
    const mask = await arriving(response.blob());
    if (!signal.aborted) drawing.found = mask;
  } catch (error) {
    if (signal.aborted) throw error;
    if (!result.hasChanged || mended) return;
    const again = "Press “Edit the mask” to fetch it again.";
    throw titled("The mask couldn't be loaded", `${error.message} ${again}`);
  }
}

function undo() {
  if (work.isRunning) return; // the last stroke has already been sent
  if (!easel.undo()) say("Nothing to undo.");
}

/** Leaves the canvas. */
function leaveEasel() {
  if (work.isRunning) return;
  showView("compare", $("mend"));
  $("problem").hidden = true; // it was about the drawing
  say("Not painted again. Your drawing is kept until you choose another photo.");
}

/** Cancels what is running; otherwise leaves what is open on the stage. */
function leave() {
  if (work.isRunning) work.cancel();
  else if (view === "easel") leaveEasel();
  else if (view === "picker") leavePicker();
}

// --- showing ----------------------------------------------------------------------------------

/** Shows one view on the stage with its controls; `control` gets the focus if it would be lost. */
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

/** Shows the buttons that also depend on whether something is running. */
function showButtons() {
  $("cancel").hidden = !work.isRunning;
  $("leave").hidden = work.isRunning || view !== "easel";
  // Small screens show the photo alone: the button to press stays in sight.
  $("acts").classList.toggle("kept", view === "drop" && Boolean(photo) && !work.isRunning);
  $("again").hidden = !photo || work.isRunning || view === "easel" || view === "picker";
}

/** What the stage shows when nothing is drawn or picked there. */
function viewBehind() {
  return result.isThere ? "compare" : "drop";
}

function showAnswer(answer, pictures, chosen, timing) {
  const { faces, swapped, candidates } = answer;
  upright = { width: answer.width, height: answer.height };
  result.open(answer, pictures);
  $("timing").textContent = describeTiming(timing);
  const file = photo;
  showPicture($("before"), file, async () => {
    const why = await hindrance(file, $("before"), upright);
    if (file !== photo) return; // another photo was chosen meanwhile
    $("compare").classList.toggle("only-after", Boolean(why) || !result.hasChanged);
    $("mend").hidden = Boolean(why);
    const missing = "So there is no “before” here, and the mask can't be edited.";
    $("hindrance").textContent = `${why} ${missing}`;
    $("hindrance").hidden = !why;
  });
  showView("compare", $("go"));
  if (candidates && result.hasChanged) {
    say(`${candidates.length} guesses, the most likely first: choose one.`);
  } else say(swapped ? describeSwap(faces, chosen) : describeFaces(faces, chosen, mended));
  reveal($("stage"));
}

function clearResult() {
  drawing = mended = null;
  result.forget();
  passFocusTo($("go"), () => {
    for (const one of ["problem", "mend", "hindrance"]) $(one).hidden = true;
  });
  showView("drop", $("go"));
}

// --- wiring -----------------------------------------------------------------------------------

$("photo").addEventListener("change", () => {
  const [file] = $("photo").files;
  $("photo").value = ""; // so that choosing the same file again fires the event
  if (file) setPhoto(file);
});
$("reference").addEventListener("change", () => setReference($("reference").files[0]));
$("reference-remove").addEventListener("click", dropReference);
$("consent").addEventListener("change", () => ($("consent-error").hidden = true));
$("form").addEventListener("submit", submit);
$("form").addEventListener("keydown", (event) => {
  // Enter there would submit the form: a new run throws the other guesses away.
  const chooses = event.target.matches("[type=radio], [type=range]");
  if (event.key === "Enter" && chooses) event.preventDefault();
});
$("cancel").addEventListener("click", () => work.cancel());
$("leave").addEventListener("click", leaveEasel);
$("again").addEventListener("click", () => $("photo").click());
$("example").addEventListener("click", takeExample);
$("more").addEventListener("click", askForMore);
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

takeDrops($("reference-drop"), $("reference-drop"), (file) => {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  $("reference").files = transfer.files;
  setReference(file);
});
takeDrops(window, $("stage"), setPhoto); // also beside the stage: it must not replace the page
document.addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) setPhoto(file);
});
// On “back”, a browser may restore old inputs; one that kept the whole page (persisted) is fine.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) dropReference();
});

// Chosen before this script ran: there were no listeners yet.
if ($("photo").files[0]) $("photo").dispatchEvent(new Event("change"));
$("go").disabled = false;
