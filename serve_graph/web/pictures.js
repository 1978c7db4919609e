// The pictures of an answer, and thumbnails to choose from.

import { visible } from "./photo.js";

const THUMB_PX = 128; // shown at half this size
const ROOM = 1.1; // side of a thumbnail relative to its face

/**
 * The swap first, then the guesses, most likely first; each {label, file}. Files are named after
 * `stem`, the photo's name.
 */
export async function unpack({ painted, swapped, candidates }, stem) {
  const pictures = swapped ? [unpackOne(swapped, "My face", `${stem}-my-face`)] : [];
  for (const [at, picture] of (candidates ?? [painted]).entries()) {
    if (pictures.length) await new Promise((done) => setTimeout(done)); // the page stays usable
    const label = candidates ? `Guess ${at + 1}` : "Painted guess";
    pictures.push(unpackOne(picture, label, `${stem}-unmasked${at ? `-${at + 1}` : ""}`));
  }
  return pictures;
}

function unpackOne({ base64, media_type: type }, label, stem) {
  const ending = type.split("/")[1].replace("jpeg", "jpg");
  return { label, file: new File([bytesOf(base64)], `${stem}.${ending}`, { type }) };
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64); // older browsers
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
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
