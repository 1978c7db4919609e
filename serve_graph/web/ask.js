// Calls to the service, and their errors in words.

const TRIES = 4; // of a call while the service is full
const LONGEST_TOLD_S = 20; // nobody waits longer in front of a page
const DEADLINE_MS = 3_600_000; // more than any operator allows, so it counts as their maximum

// Asked for at once, so that it is there when a photo is sent; a page works without it too.
const limits = fetch("v1/info")
  .then((response) => response.json())
  .then((info) => info.limits ?? {})
  .catch(() => ({}));

/**
 * Sends fields as a form. Returns the answer or throws an error with `title` and `message`. If the
 * service is full, calls `sayBusy`, waits and sends them again.
 */
export async function post(path, fields, accept, signal, sayBusy) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  const headers = { Accept: accept, "X-Request-Timeout-Ms": DEADLINE_MS };
  const request = { method: "POST", body, headers, signal };
  const files = Object.values(fields).filter((value) => value instanceof File);
  await checkSizes(files);
  for (let left = TRIES - 1, factor = 1; ; left -= 1, factor *= 2) {
    const response = await arriving(fetch(path, request), files);
    if (response.ok) return response;
    const told = Number(response.headers.get("Retry-After")) || 1; // s; a proxy may send a date
    if (response.status !== 503 || !left || told > LONGEST_TOLD_S) throw await problemOf(response);
    sayBusy();
    // Random, so that clients refused at the same time don't all return at the same time.
    await pause(1000 * factor * told * (1 + Math.random()), signal);
  }
}

/** Refuses what the service would refuse after the upload. */
async function checkSizes(files) {
  const { max_bytes } = await limits;
  const large = files.find((file) => file.size > max_bytes);
  if (!large) return;
  const [size, most] = [Math.ceil(large.size / 1e5) / 10, max_bytes / 1e6];
  const detail = `It has ${size} MB, but a picture may have ${most} MB: choose a smaller one.`;
  throw titled(`${large.name || "The picture"} is too large`, detail);
}

function pause(ms, signal) {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    const stop = () => (clearTimeout(timer), fail(signal.reason));
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Awaits the service; a broken connection becomes an error to show. `files` were sent to it. */
export async function arriving(promise, files = []) {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it was cancelled
    for (const file of files) await checkReadable(file);
    throw titled("The service doesn't answer", "Check the connection and try again.");
  }
}

/** A folder, or a file changed since it was chosen, fails like a broken connection. */
export async function checkReadable(file) {
  try {
    await file.arrayBuffer();
  } catch {
    const name = file.name || "The picture";
    throw titled(`${name} can't be read`, "It isn't a file, or it has changed: choose it again.");
  }
}

/** The error to show for an error answer (RFC 9457, application/problem+json). */
async function problemOf(response) {
  const problem = inOwnWords(await response.json().catch(() => ({})));
  const wait = response.headers.get("Retry-After");
  const more = wait ? ` Try again in ${wait} s.` : "";
  const detail = problem.detail ?? `The service answered with status ${response.status}.${more}`;
  return titled(problem.title ?? "That didn't work", detail);
}

/** A problem without the API's word for the photo of the own face. */
function inOwnWords(problem) {
  if (problem.type !== "/problems/bad-reference") return problem;
  const detail = problem.detail.replace(/^The reference photo/, "It");
  return {
    title: "The photo of your own face can't be used",
    detail: detail.replace("the reference photo", "it"),
  };
}

/** An error with a title, as the page shows it. */
export function titled(title, message) {
  return Object.assign(new Error(message), { title });
}
