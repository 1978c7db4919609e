// A photo: dropping and showing it, and whether faces and masks can be marked in it.

/** Shows a file in an <img>; `done` receives whether the browser could (few can show HEIC). */
export function showPicture(image, file, done) {
  URL.revokeObjectURL(image.src);
  image.onload = () => done(true);
  image.onerror = () => done(false);
  image.src = URL.createObjectURL(file);
}

/** Takes the first file dropped on a zone, but not on one inside it; `lit` shows that it would. */
export function takeDrops(zone, lit, take) {
  zone.addEventListener("dragover", (event) => {
    lit.classList.toggle("over", !event.defaultPrevented);
    event.preventDefault();
  });
  zone.addEventListener("dragleave", () => lit.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    lit.classList.remove("over");
    if (event.defaultPrevented) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}

/**
 * Says why nothing can be marked in a photo that an <img> has tried to show; "" if it can.
 * `upright` is its size as the service sees it, if that is known.
 */
export async function hindrance(file, { naturalWidth, naturalHeight }, upright) {
  const head = await headOf(file);
  if (!naturalWidth) {
    return `This browser can't show this ${isHeic(head) ? "kind of photo (HEIC)" : "photo"}.`;
  }
  const isWide = naturalWidth > naturalHeight;
  // Chromium doesn't rotate WebP at all.
  if (isWebpWithExif(head) || (upright && isWide !== upright.width > upright.height)) {
    return "This browser may not rotate this photo as the service does.";
  }
  return "";
}

/** The first bytes as text; none of a file that has gone. */
async function headOf(file) {
  const bytes = await file.slice(0, 21).arrayBuffer().catch(() => new ArrayBuffer(0));
  return String.fromCharCode(...new Uint8Array(bytes));
}

function isHeic(head) {
  return head.startsWith("ftyp", 4);
}

function isWebpWithExif(head) {
  const hasExif = Boolean(head.charCodeAt(20) & 8);
  return head.startsWith("RIFF") && head.startsWith("WEBPVP8X", 8) && hasExif;
}

/** The part of a face's box that is inside a photo of `size`: its edge may cut off a face. */
export function visible([x0, y0, x1, y1], { width, height }) {
  return [Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1)];
}
