// The pictures of an answer, and thumbnails to choose from.

import { visible } from "./photo.js";

const THUMB_PX = 128; // shown at half this size
const ROOM = 1.1; // side of a thumbnail relative to its face

/** The swap first, then the guesses, most likely first; each {label, url, file}. */
export function unpack({ painted, swapped, candidates }, stem) {
  const guesses = candidates ?? [painted];
  const pictures = guesses.map((picture, at) => {
    const label = candidates ? `Guess ${at + 1}` : "Painted guess";
    return keep(picture, label, `${stem}-unmasked${at ? `-${at + 1}` : ""}`);
  });
  if (swapped) pictures.unshift(keep(swapped, "My face", `${stem}-my-face`));
  return pictures;
}

/** A base64 picture as a file with an object URL. */
function keep({ base64, media_type: type }, label, stem) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const ending = type.split("/")[1].replace("jpeg", "jpg");
  const file = new File([bytes], `${stem}.${ending}`, { type });
  return { label, file, url: URL.createObjectURL(file) };
}

/** Radio buttons, one per picture of `size`, each with that picture's face at `box` (px). */
export function choices(pictures, box, size) {
  return pictures.map(({ label, file }, at) => {
    const row = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "show" });
    input.value = at;
    input.checked = at === 0;
    const thumb = Object.assign(document.createElement("canvas"), { width: THUMB_PX });
    thumb.height = THUMB_PX;
    drawThumb(thumb, file, box, size).catch(() => thumb.remove()); // the label remains
    row.append(input, thumb, label);
    return row;
  });
}

async function drawThumb(canvas, file, box, { width, height }) {
  const [x0, y0, x1, y1] = visible(box, { width, height });
  const side = Math.min(Math.ceil(ROOM * Math.max(x1 - x0, y1 - y0)), width, height);
  const left = within(width - side, (x0 + x1 - side) / 2);
  const top = within(height - side, (y0 + y1 - side) / 2);
  const size = { resizeWidth: THUMB_PX, resizeHeight: THUMB_PX, resizeQuality: "medium" };
  const face = await createImageBitmap(file, left, top, side, side, size);
  canvas.getContext("2d").drawImage(face, 0, 0);
  face.close();
}

function within(most, value) {
  return Math.min(most, Math.max(0, Math.round(value)));
}
