"""Stands in for the service behind a page in a browser; the test chooses its answers."""

import base64
import io
import json
import threading
from contextlib import suppress
from email import message_from_bytes
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image as PilImage
from PIL import ImageOps

from serve_graph.api.app import PAGE_HEADERS, WEB
from tests.browser import TIMEOUT_S

ORIENTATION = 0x0112  # the EXIF tag
BUSY = {"title": "The service is full", "detail": "Too many requests at once.", "status": 503}
REFUSAL = {"title": "That mask can't be used", "detail": "The mask is black.", "status": 422}


def picture(grey, size=(60, 40), orientation=1, kind="JPEG"):
    out, exif = io.BytesIO(), PilImage.Exif()
    exif[ORIENTATION] = orientation
    PilImage.new("RGB", size, (grey, grey, grey)).save(out, kind, exif=exif)
    return out.getvalue()


def size_of(photo, turns):
    try:
        image = PilImage.open(io.BytesIO(photo))
        return (ImageOps.exif_transpose(image) if turns else image).size
    except OSError:  # a photo that the browser can't show
        return (60, 40)


def found_mask(size):
    """The mask that the fake service finds: the lower half of the left half."""
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 :, : width // 2] = 255
    return mask


class FakeService(ThreadingHTTPServer):
    """Serves the page and, once `may_answer` is set, answers each call with a changed face."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.forms = []  # of each call of /v1/unmask, by field; files by name
        self.masks = []  # the drawn masks, decoded: uint8 (H, W, 4)
        self.times_ms = []  # that each call gives the service
        self.finds = True  # finds a mask
        self.swaps = True  # the reference's face fits
        self.turns = True  # honours a photo's orientation
        self.refused = set()  # calls that get the refusal
        self.refusal = REFUSAL
        self.full_for = 0  # number of calls to be told that the service is full
        self.boxes = {0: (5, 5, 25, 25)}  # of the faces, by number
        self.bare = set()  # numbers of the faces without a mask
        self.drawn_on = None  # numbers of the faces that a drawn mask touches; None: all
        self.info = None  # of /v1/info; None: it isn't answered
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.may_load = threading.Event()  # may serve the page's script
        self.may_load.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(SimpleHTTPRequestHandler):
    def translate_path(self, path):
        return str(WEB / (path.removeprefix("/static/").lstrip("/") or "index.html"))

    def do_GET(self):
        if self.path == "/static/app.js":
            self.server.may_load.wait(TIMEOUT_S)
        if self.path == "/v1/info" and self.server.info:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(self.server.info).encode())
            return
        super().do_GET()

    def end_headers(self):
        for header in PAGE_HEADERS.items() if self.command == "GET" else ():
            self.send_header(*header)
        super().end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = {
            part.get_param("name", header="content-disposition"): part
            for part in message_from_bytes(head + body).get_payload()
        }
        self.server.times_ms.append(int(self.headers["X-Request-Timeout-Ms"] or 0))
        size = size_of(parts["photo"].get_payload(decode=True), self.server.turns)
        if self.path == "/v1/unmask":
            self.note(parts)
        self.server.may_answer.wait(TIMEOUT_S)
        with suppress(BrokenPipeError):  # the page has cancelled
            if self.server.full_for:
                self.server.full_for -= 1
                self.refuse(BUSY)
            elif self.path in self.server.refused:
                self.refuse(self.server.refusal)
            else:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(self.answer(size, parts))

    def refuse(self, problem):
        self.send_response(problem["status"])
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(json.dumps(problem).encode())

    def note(self, parts):
        names = {name: part.get_filename() for name, part in parts.items()}
        self.server.forms.append(
            {name: names[name] or part.get_payload().strip() for name, part in parts.items()}
        )
        if "mask" in parts:
            mask = PilImage.open(io.BytesIO(parts["mask"].get_payload(decode=True)))
            assert mask.format == "PNG"
            self.server.masks.append(np.asarray(mask.convert("RGBA")))

    def answer(self, size, parts):
        frame = {"width": size[0], "height": size[1]}
        if self.path == "/v1/mask" and self.headers["Accept"] == "application/json":
            return json.dumps(frame | {"faces": self.faces("all")}).encode()
        if self.path == "/v1/mask":
            out = io.BytesIO()
            PilImage.fromarray(found_mask(size) * self.server.finds).save(out, "PNG")
            return out.getvalue()
        which, count = (
            parts[name].get_payload().strip() if name in parts else default
            for name, default in (("faces", "all"), ("candidates", "1"))
        )
        if which == "all" and "mask" in parts and self.server.drawn_on:
            which = ",".join(map(str, self.server.drawn_on))
        results = [
            {"media_type": "image/jpeg", "base64": base64.b64encode(picture(90 + one)).decode()}
            for one in range(int(count) if self.server.finds else 1)
        ]
        answer = {
            "faces": self.faces(which, "reference" in parts and self.server.swaps),
            "painted": results[0],
            "swapped": results[0] if "reference" in parts else None,
            "candidates": results if int(count) > 1 else None,
        }
        return json.dumps(frame | answer).encode()

    def faces(self, which, swapped=False):
        boxes = self.server.boxes
        numbers = {"all": list(boxes), "largest": [0]}.get(which) or map(int, which.split(","))
        answers = [{"index": one, "box": boxes[one]} for one in numbers]
        for face in answers:
            face["changed"] = self.server.finds and face["index"] not in self.server.bare
            face["swapped"] = face["changed"] and swapped
        return answers

    def log_message(self, *_): ...
