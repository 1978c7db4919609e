// The page: a photo (and perhaps the person's own face) in, POST /v1/unmask, before and after out.
// Nothing is kept: pictures live in this tab as object URLs and go when it closes.

import { arriving, post } from "./ask.js";
import { Drawing, Easel } from "./mend.js";

const $ = (id) => document.getElementById(id);
const easel = new Easel($("mask"), $("ring"), $("brush-size"), $("eraser"));

let photo = null; // File
let running = null; // AbortController of the request under way
let pictures = {}; // "painted", "swapped" -> {url, name}
let upright = null; // {width, height} of the photo as the service sees it, px
let drawing = null; // Drawing over this photo: stays for another round
let mended = null; // Blob: the drawn mask of the answer that is shown; null: as found

// --- choosing ---------------------------------------------------------------------------------

function setPhoto(file) {
  stop();
  photo = file;
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
  $("reference-name").textContent = file ? file.name || "Pasted photo" : "Choose my photo";
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

/** Shows a file in an <img> and says whether the browser could (few can show HEIC). */
function showPicture(image, file, done) {
  URL.revokeObjectURL(image.src);
  image.onload = () => done(true);
  image.onerror = () => done(false);
  image.src = URL.createObjectURL(file);
}

function takeDrops(zone, take) {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}

// --- asking -----------------------------------------------------------------------------------

async function submit(event) {
  event.preventDefault();
  if (running || !isReady()) return;
  await whileBusy("Finding the faces and painting…", async (signal) => {
    // Run again is for another expression or face: what was mended stays mended.
    const mask = isMending() ? await drawing.toPng() : mended;
    const response = await ask(mask, signal);
    const answer = await arriving(response.json());
    if (signal.aborted) return;
    mended = mask;
    showAnswer(answer, response.headers.get("Server-Timing"));
  });
}

/** Whether there is a photo, and consent where it takes one; says what is missing. */
function isReady() {
  if (!photo) {
    showProblem("No photo yet", "Choose, drop or paste a photo first.");
    $("photo").focus();
    return false;
  }
  if ($("reference").files[0] && !$("consent").checked) {
    $("consent-error").hidden = false;
    $("consent").focus();
    return false;
  }
  return true;
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

function ask(mask, signal) {
  const fields = { photo, expression: $("expression").value };
  const reference = $("reference").files[0];
  // Of a group, the others aren't this person.
  if (reference) Object.assign(fields, { reference, consent: "true", faces: "largest" });
  if (mask) fields.mask = mask;
  return post("v1/unmask", fields, "application/json", signal);
}

// --- mending ----------------------------------------------------------------------------------

async function mend() {
  if (running || !isReady()) return;
  if (!drawing?.found && !(await whileBusy("Fetching the mask that was found…", fetchFound))) return;
  setMending(true);
  say("Brush over what shall be painted, erase what shall stay. Then press “Paint again”.");
}

/** Gets the found mask into the drawing; without one it can be drawn all the same. */
async function fetchFound(signal) {
  drawing ??= new Drawing(upright.width, upright.height);
  try {
    const response = await post("v1/mask", { photo }, "image/png", signal);
    const found = await arriving(response.blob());
    if (!signal.aborted) drawing.found = found;
  } catch (error) {
    if (signal.aborted) throw error;
    showProblem("The found mask isn't here", `${error.message} You can draw all of it.`);
  }
}

function isMending() {
  return !$("tools").hidden;
}

/** Shows the canvas and its tools instead of the result, or the result again. */
function setMending(mending) {
  passFocusTo($(mending ? "brush" : "mend"), () => {
    $("easel").hidden = $("tools").hidden = $("cancel").hidden = !mending;
    $("compare").hidden = $("result").hidden = $("again").hidden = mending;
    $("own-face").hidden = $("expression-row").hidden = mending;
  });
  nameGo(...(mending ? ["Paint again", "main"] : ["Run again", "quiet"]));
  if (!mending) return easel.close();
  $("easel-photo").src = $("before").src;
  easel.open(drawing);
  showStage();
}

function undo() {
  if (running) return; // what is sent has the last stroke
  if (!easel.undo()) say("There is nothing to undo.");
}

/** Leaves the run under way, or else the canvas. */
function cancel() {
  const leaves = !running;
  stop();
  if (leaves) {
    setMending(false);
    $("problem").hidden = true; // it was of the drawing
  }
  say(leaves ? "Not painted again. What you drew stays until another photo." : "Cancelled.");
}

// --- showing ----------------------------------------------------------------------------------

function showAnswer(answer, timing) {
  if (isMending()) setMending(false);
  forgetPictures();
  upright = { width: answer.width, height: answer.height };
  pictures = { painted: keep(answer.painted, "unmasked") };
  if (answer.swapped) pictures.swapped = keep(answer.swapped, "my-face");
  $("choice").hidden = !answer.swapped;
  $("choice").querySelector("[value=swapped]").checked = true;
  $("timing").textContent = describeTiming(timing);
  $("result").hidden = $("again").hidden = false;
  nameGo("Run again", "quiet");
  const file = photo;
  showPicture($("before"), file, async (shown) => {
    const alike = shown && (await isTurnedAlike(file, $("before")));
    if (file !== photo) return; // another one meanwhile
    $("compare").classList.toggle("only-after", !alike);
    $("mend").hidden = !alike;
  });
  show(answer.swapped ? "swapped" : "painted");
  moveCut(50);
  passFocusTo($("go"), () => ($("drop").hidden = true));
  $("compare").hidden = false;
  say(answer.swapped ? describeSwap(answer.faces) : describeFaces(answer.faces));
  showStage();
}

/** Whether the browser turns the photo as the service does: few do for each format. */
async function isTurnedAlike(file, { naturalWidth, naturalHeight }) {
  if (await isWebpWithExif(file)) return false; // Chromium doesn't turn these at all
  return naturalWidth > naturalHeight === upright.width > upright.height;
}

async function isWebpWithExif(file) {
  const head = new Uint8Array(await file.slice(0, 21).arrayBuffer());
  const text = String.fromCharCode(...head);
  return text.startsWith("RIFF") && text.startsWith("WEBPVP8X", 8) && Boolean(head[20] & 8);
}

function show(which) {
  const { url, name } = pictures[which];
  $("after").src = url;
  $("download").href = url;
  $("download").download = name;
}

/** A base64 picture as an object URL, with the name to save it under. */
function keep(picture, suffix) {
  const bytes = Uint8Array.from(atob(picture.base64), (char) => char.charCodeAt(0));
  const stem = (photo.name || "photo").replace(/\.[^.]*$/, "");
  const ending = picture.media_type.split("/")[1].replace("jpeg", "jpg");
  const url = URL.createObjectURL(new Blob([bytes], { type: picture.media_type }));
  return { url, name: `${stem}-${suffix}.${ending}` };
}

function describeFaces(faces) {
  const changed = faces.filter((face) => face.changed).length;
  const found = faces.length === 1 ? "1 face" : `${faces.length} faces`;
  if (!changed) return `${found} found, but no mask: the photo is as it was.`;
  if (mended) return `${found} found, ${changed} painted where you drew.`;
  return `${found} found, ${changed === 1 ? "1 mask" : `${changed} masks`} taken off.`;
}

/** Only the largest face was looked at: it is no news of the others. */
function describeSwap([largest]) {
  return largest.changed
    ? "The largest face has your lower face."
    : "The largest face wears no mask: the photo is as it was.";
}

/** `crop;dur=12.3, mask;dur=4` as "crop 12 ms · mask 4 ms". */
function describeTiming(header) {
  const stages = [...(header ?? "").matchAll(/([\w-]+)[^,]*?;dur=([\d.]+)/g)];
  return stages.map(([, name, ms]) => `${name}\u00a0${Math.round(ms)}\u00a0ms`).join("\u00a0· ");
}

function forgetPictures() {
  for (const { url } of Object.values(pictures)) URL.revokeObjectURL(url);
  pictures = {};
}

function clearResult() {
  if (isMending()) setMending(false);
  drawing = mended = null;
  forgetPictures();
  passFocusTo($("go"), () => {
    $("result").hidden = $("again").hidden = $("compare").hidden = $("problem").hidden = true;
    $("mend").hidden = true;
  });
  $("drop").hidden = false;
  nameGo("Take the mask off", "main");
}

function nameGo(text, look) {
  $("go").textContent = text;
  $("go").className = look;
}

function showProblem(title, detail) {
  $("problem-title").textContent = title;
  $("problem-detail").textContent = detail;
  $("problem").hidden = false;
  say("");
}

function setBusy(busy, text) {
  $("go").setAttribute("aria-disabled", busy); // `disabled` would take the focus from it
  $("easel").inert = busy; // what is drawn now wouldn't be in the answer
  passFocusTo($("go"), () => {
    $("progress").hidden = !busy;
    $("cancel").hidden = !busy && !isMending();
  });
  $("elapsed").textContent = "";
  if (!busy) return;
  $("problem").hidden = $("consent-error").hidden = true;
  say(text);
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

function showStage() {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("stage").scrollIntoView({ block: "nearest", behavior: isCalm ? "instant" : "smooth" });
}

function say(text) {
  $("status").textContent = text;
}

// --- the slider -------------------------------------------------------------------------------

function moveCut(percent) {
  const cut = Math.min(100, Math.max(0, percent));
  $("cut").value = cut;
  $("compare").style.setProperty("--cut", `${cut}%`);
}

// A finger or the mouse, anywhere on the picture; the range input is there for the keyboard.
function dragCut(event) {
  if (event.type === "pointermove" && event.buttons === 0) return;
  const { left, width } = $("compare").getBoundingClientRect();
  moveCut((100 * (event.clientX - left)) / width);
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
$("again").addEventListener("click", () => $("photo").click());
$("mend").addEventListener("click", mend);
$("undo").addEventListener("click", undo);
document.addEventListener("keydown", (event) => {
  if (!isMending()) return;
  if (event.key === "Escape") cancel();
  if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
});
$("choice").addEventListener("change", (event) => show(event.target.value));
$("cut").addEventListener("input", () => moveCut(Number($("cut").value)));
$("compare").addEventListener("pointerdown", dragCut);
$("compare").addEventListener("pointermove", dragCut);

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
