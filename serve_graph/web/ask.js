// Calls to the service, and what went wrong with one, in words.

const TRIES = 4; // of a call that the service has no place for
const LONGEST_TOLD_S = 20; // nobody sits before the page for longer waits

/**
 * Sends fields as a form; the answer, or an error with `title` and `message`. Where the service is
 * full, it calls `sayBusy`, waits and sends them again.
 */
export async function post(path, fields, accept, signal, sayBusy) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  const request = { method: "POST", body, headers: { Accept: accept }, signal };
  const files = Object.values(fields).filter((value) => value instanceof File);
  for (let left = TRIES - 1, factor = 1; ; left -= 1, factor *= 2) {
    const response = await arriving(fetch(path, request), files);
    if (response.ok) return response;
    const told = Number(response.headers.get("Retry-After")) || 1; // s; a proxy may name a date
    if (response.status !== 503 || !left || told > LONGEST_TOLD_S) throw await problemOf(response);
    sayBusy();
    // The random part, so that all who were refused together don't come back together.
    await pause(1000 * factor * told * (1 + Math.random()), signal);
  }
}

function pause(ms, signal) {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    const stop = () => (clearTimeout(timer), fail(signal.reason));
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** What comes from the service, if all of it comes; `files` went there. */
export async function arriving(promise, files = []) {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // somebody broke it off
    for (const file of files) await checkReadable(file);
    throw titled("The service doesn't answer", "Check the connection and try again.");
  }
}

/** A file that changed after it was chosen, or a folder, fails as a broken connection does. */
async function checkReadable(file) {
  try {
    await file.arrayBuffer();
  } catch {
    const name = file.name || "The picture";
    throw titled(`${name} can't be read`, "It is no file, or not as it was: choose it again.");
  }
}

/** What an error answer (RFC 9457, application/problem+json) says, in words. */
async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  const wait = response.headers.get("Retry-After");
  const more = wait ? ` Try again in ${wait} s.` : "";
  const detail = problem.detail ?? `The service answered with status ${response.status}.${more}`;
  return titled(problem.title ?? "That didn't work", detail);
}

/** An error as the page shows it. */
export function titled(title, message) {
  return Object.assign(new Error(message), { title });
}
