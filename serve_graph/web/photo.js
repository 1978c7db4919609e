// A photo before it is sent: dropping and showing it, and whether the browser shows it upright.

/** Shows a file in an <img>; `done` receives whether the browser could (few can show HEIC). */
export function showPicture(image, file, done) {
  URL.revokeObjectURL(image.src);
  image.onload = () => done(true);
  image.onerror = () => done(false);
  image.src = URL.createObjectURL(file);
}

export function takeDrops(zone, take) {
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

/** Whether the browser rotates the photo as the service does: few do for every format. */
export async function isTurnedAlike(file, { naturalWidth, naturalHeight }, upright) {
  if (await isWebpWithExif(file)) return false; // Chromium doesn't rotate these at all
  return naturalWidth > naturalHeight === upright.width > upright.height;
}

async function isWebpWithExif(file) {
  const head = new Uint8Array(await file.slice(0, 21).arrayBuffer());
  const text = String.fromCharCode(...head);
  return text.startsWith("RIFF") && text.startsWith("WEBPVP8X", 8) && Boolean(head[20] & 8);
}
