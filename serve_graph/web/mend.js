// Editing a mask by hand: the strokes drawn over a photo, and the canvas they are drawn on.
// Strokes are stored as lines in px of the photo. So the canvas needs no more px than the screen
// shows, undo drops the last line, and only the mask that is sent is rendered at full size.

import { titled } from "./ask.js";

const TINT = [0, 190, 40]; // chroma-key green: unlike skin and most cloth
const ROWS = 256; // read from a canvas at a time: all of a large one are 48 MB

/** The mask found in a photo, and the strokes over it. */
export class Drawing {
  found = null; // Blob: PNG of the photo's size, white where the face is hidden
  strokes = []; // {points: [[x, y]], width, erases}, px of the photo

  /** The size of the upright photo, px. */
  constructor(width, height) {
    this.width = width;
    this.height = height;
  }

  /** A new canvas with only the found mask: tinted where the face is hidden, else transparent. */
  async ground(width, height) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!this.found) return canvas;
    const picture = await createImageBitmap(this.found);
    context.drawImage(picture, 0, 0, width, height);
    picture.close();
    recolour(context, tintWhite);
    return canvas;
  }

  /** Draws strokes on a canvas that shows the photo's mask at any size. */
  draw(canvas, strokes = this.strokes) {
    const context = canvas.getContext("2d");
    context.setTransform(canvas.width / this.width, 0, 0, canvas.height / this.height, 0, 0);
    for (const stroke of strokes) drawStroke(context, stroke);
    context.resetTransform();
    context.globalCompositeOperation = "source-over";
  }

  /**
   * The mask as a PNG of the photo's size: white where to paint, else black. One of a single
   * colour, which the service would refuse, becomes an error to show.
   */
  async toPng() {
    const canvas = await this.ground(this.width, this.height);
    this.draw(canvas);
    let white = 0; // px
    // Antialiased edges become black or white too.
    recolour(canvas.getContext("2d"), (bytes) => (white += whitenTint(bytes)));
    if (!white) throw titled("Nothing is drawn yet", "Brush over the mask first.");
    if (white === this.width * this.height) {
      throw titled("Everything is drawn over", "Erase what isn't hidden by the mask.");
    }
    const png = await new Promise((done) => canvas.toBlob(done, "image/png"));
    if (!png) throw new Error("This browser can't make a mask of the photo's size.");
    return png;
  }
}

function drawStroke(context, { points, width, erases }) {
  context.globalCompositeOperation = erases ? "destination-out" : "source-over";
  context.fillStyle = context.strokeStyle = `rgb(${TINT})`;
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  const [[x, y]] = points;
  context.beginPath();
  context.arc(x, y, width / 2, 0, 2 * Math.PI); // a tap: some browsers draw no line of length 0
  context.fill();
  context.beginPath();
  for (const point of points) context.lineTo(...point);
  context.stroke();
}

/** Changes all pixels' bytes: red, green, blue and alpha of each. */
function recolour(context, change) {
  const { width, height } = context.canvas;
  for (let top = 0; top < height; top += ROWS) {
    const rows = context.getImageData(0, top, width, Math.min(ROWS, height - top));
    change(rows.data);
    context.putImageData(rows, 0, top);
  }
}

function tintWhite(bytes) {
  for (let at = 0; at < bytes.length; at += 4) {
    bytes[at + 3] = bytes[at]; // black becomes transparent
    [bytes[at], bytes[at + 1], bytes[at + 2]] = TINT;
  }
}

/** Returns how many px became white. */
function whitenTint(bytes) {
  let count = 0;
  for (let at = 0; at < bytes.length; at += 4) {
    const isTinted = bytes[at + 3] > 127;
    bytes[at] = bytes[at + 1] = bytes[at + 2] = isTinted ? 255 : 0;
    bytes[at + 3] = 255;
    count += isTinted;
  }
  return count;
}

/** Lets a mouse, pen or finger draw over the photo below the canvas. */
export class Easel {
  #canvas;
  #ring; // shows the size of the brush
  #size; // input: the brush's width, per cent of the picture's shorter side
  #eraser; // input: whether strokes erase
  #drawing = null;
  #ground = null; // canvas with the found mask
  #stroke = null; // being drawn
  #fits = 0; // calls of #fit; only the last one counts, whichever ends last

  constructor(canvas, ring, size, eraser) {
    this.#canvas = canvas;
    this.#ring = ring;
    this.#size = size;
    this.#eraser = eraser;
    const on = (type, act) => canvas.addEventListener(type, (event) => act.call(this, event));
    on("pointerdown", this.#begin);
    on("pointermove", this.#move);
    on("pointerup", this.#end);
    on("pointercancel", this.#takeBack); // a palm, or the system took over the touch
    on("pointerleave", () => (ring.hidden = true));
    size.addEventListener("input", () => this.#showRing(0.5, 0.5));
    // Also once the photo has loaded, and when a phone is rotated.
    new ResizeObserver(() => this.#fit()).observe(canvas);
  }

  open(drawing) {
    this.#drawing = drawing;
    this.#fit();
  }

  close() {
    this.#drawing = this.#ground = this.#stroke = null;
    this.#canvas.width = this.#canvas.height = 0;
    this.#ring.hidden = true;
  }

  /** Removes the last stroke; false if there is none. */
  undo() {
    this.#stroke = null; // a stroke being drawn is the last one
    const last = this.#drawing.strokes.pop();
    this.#redraw();
    return Boolean(last);
  }

  async #fit() {
    const drawing = this.#drawing;
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (!drawing || !width || !height) return;
    const number = ++this.#fits;
    const scale = Math.min(window.devicePixelRatio, drawing.width / width);
    const ground = await drawing.ground(Math.round(width * scale), Math.round(height * scale));
    if (drawing !== this.#drawing || number !== this.#fits) return; // closed or resized meanwhile
    this.#ground = ground;
    this.#canvas.width = ground.width;
    this.#canvas.height = ground.height;
    this.#redraw();
  }

  #redraw() {
    const context = this.#canvas.getContext("2d");
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    if (this.#ground) context.drawImage(this.#ground, 0, 0);
    this.#drawing.draw(this.#canvas);
  }

  #begin(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault(); // or the tools lose the focus
    this.#canvas.setPointerCapture(event.pointerId);
    this.#stroke = { points: [], width: this.#width(), erases: this.#eraser.checked };
    this.#drawing.strokes.push(this.#stroke);
    this.#move(event);
  }

  #move(event) {
    if (!event.isPrimary) return;
    const [x, y] = this.#place(event);
    this.#showRing(x, y);
    if (!this.#stroke) return;
    const { points } = this.#stroke;
    const before = points.slice(-1);
    const fine = event.getCoalescedEvents?.() ?? []; // the points since the last frame
    const added = (fine.length ? fine : [event]).map((one) => this.#toPhoto(this.#place(one)));
    points.push(...added);
    this.#drawing.draw(this.#canvas, [{ ...this.#stroke, points: [...before, ...added] }]);
  }

  #end(event) {
    if (event.isPrimary) this.#stroke = null;
  }

  #takeBack(event) {
    if (event.isPrimary && this.#stroke) this.undo();
  }

  /** Position of a pointer as fractions of the picture's width and height. */
  #place(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  }

  #toPhoto([x, y]) {
    return [x * this.#drawing.width, y * this.#drawing.height];
  }

  /** Width of the brush, px of the photo. */
  #width() {
    const shorter = Math.min(this.#drawing.width, this.#drawing.height);
    return (shorter * Number(this.#size.value)) / 100;
  }

  #showRing(x, y) {
    const shown = this.#canvas.getBoundingClientRect().width / this.#drawing.width;
    this.#ring.hidden = false;
    this.#ring.style.left = `${100 * x}%`;
    this.#ring.style.top = `${100 * y}%`;
    this.#ring.style.width = `${this.#width() * shown}px`;
  }
}
