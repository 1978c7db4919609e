// What an answer says, in words.

/** All faces in the photo, or the `chosen` ones; `mended`: painted where the user drew. */
export function describeFaces(faces, chosen, mended) {
  const changed = faces.filter((face) => face.changed).length;
  const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
  const found = `${count} ${chosen ? "chosen" : "found"}`;
  if (!changed) return `${found}, but no mask: the photo is unchanged.`;
  if (mended) return `${found}, ${changed} painted where you drew.`;
  return `${found}, ${changed === 1 ? "1 mask" : `${changed} masks`} taken off.`;
}

/** Only one face was processed, so nothing is said about the others. */
export function describeSwap([face], chosen) {
  const which = chosen ? "The chosen face" : "The largest face";
  if (!face.changed) return `${which} wears no mask: the photo is unchanged.`;
  return face.swapped
    ? `${which} has your lower face.`
    : `${which} was painted without yours, as it is turned too far: send a photo turned like it.`;
}

/** `crop;dur=12.3, mask;dur=4` as "crop 12 ms · mask 4 ms". */
export function describeTiming(header) {
  const stages = [...(header ?? "").matchAll(/([\w-]+)[^,]*?;dur=([\d.]+)/g)];
  return stages.map(([, name, ms]) => `${name}\u00a0${Math.round(ms)}\u00a0ms`).join("\u00a0· ");
}
