"""Parses multipart/form-data chunk by chunk and refuses parts that don't belong there."""

from collections.abc import Sequence

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from models.errors import TooLargeError
from serve_graph.api.schemas import ACCEPT
from serve_graph.problems import BadFormError, FieldProblem, FieldsError

_MAX_FIELD_BYTES = 1_000


class Parts:
    """The parts read so far; empty ones, as browsers send them, count as absent.

    Args:
        photo_names: the parts that are pictures.
        field_names: all other parts that are allowed.
        max_photo_bytes: limit for one picture.
    """

    def __init__(
        self, photo_names: Sequence[str], field_names: Sequence[str], max_photo_bytes: int
    ) -> None:
        self.photo_names, self.field_names = photo_names, field_names
        self.max_photo_bytes = max_photo_bytes
        self.photos: dict[str, bytes] = {}
        self.fields: dict[str, str] = {}
        self._begun: set[str] = set()

    def begin(self, name: str) -> None:
        """Starts a part; raises FieldsError for an unknown or repeated one.

        Empty parts count here, or a body could have any number of them.
        """
        if name in self._begun:
            raise _field_error(name, "Sent more than once.")
        if name not in self.photo_names and name not in self.field_names:
            known = ", ".join([*self.photo_names, *self.field_names])
            unknown = f"Unknown; expected one of: {known}."
            raise _field_error(name, "Send it in the query." if name == ACCEPT else unknown)
        self._begun.add(name)

    def check_size(self, name: str, size: int) -> None:
        """Refuses a part that is too long: TooLargeError for a picture, FieldsError for a field."""
        if name not in self.photo_names:
            if size > _MAX_FIELD_BYTES:
                raise _field_error(name, f"Longer than {_MAX_FIELD_BYTES} bytes.")
        elif size > self.max_photo_bytes:
            raise TooLargeError(
                f"{name}: larger than {self.max_photo_bytes / 1e6:.3g} MB: "
                "send a smaller or more compressed one."
            )

    def add(self, name: str, content: bytes | bytearray) -> None:
        """Keeps the content of a part that was started.

        Raises:
            FieldsError: a field is too long or not UTF-8.
            TooLargeError: a picture is over the limit.
        """
        self.check_size(name, len(content))
        if not content:
            return
        if name in self.photo_names:
            self.photos[name] = bytes(content)
            return
        try:
            self.fields[name] = content.decode()
        except UnicodeDecodeError:
            raise _field_error(name, "Not UTF-8.") from None


def _field_error(name: str, detail: str) -> FieldsError:
    return FieldsError([FieldProblem(field=name[:64], detail=detail)])


class PartReader:
    """Feeds the bytes of a body to `Parts`.

    All methods raise BadFormError, and what `Parts` raises, as soon as they see the error.
    """

    def __init__(self, parts: Parts, boundary: bytes) -> None:
        self._parts = parts
        self._header_name, self._header_value = bytearray(), bytearray()
        self._disposition = b""
        self._name, self._content = "", bytearray()
        self._complete = False
        if not boundary:
            raise BadFormError("The Content-Type names no boundary: let your HTTP client set it.")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._add_to_header_name,
                    "on_header_value": self._add_to_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._add,
                    "on_part_end": self._end,
                    "on_end": self._end_form,
                },
            )
        except FormParserError as error:
            raise BadFormError(f"The boundary can't be used: {error}") from None

    def write(self, chunk: bytes) -> None:
        """Parses the next bytes of the body."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadFormError(f"The body isn't multipart/form-data: {error}") from None

    def finish(self) -> None:
        """Checks that the body was complete."""
        if not self._complete:
            raise BadFormError("The multipart body is cut off: send it again.")

    def close(self) -> None:
        """Lets go of what was read: this and the parser hold each other."""
        self._parser.callbacks = {}

    def _begin(self) -> None:
        self._disposition = b""

    def _add_to_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_to_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise BadFormError("A part has no name in its Content-Disposition.")
        self._name = options[b"name"].decode(errors="replace")
        self._parts.begin(self._name)

    def _add(self, data: bytes, start: int, end: int) -> None:
        self._content += memoryview(data)[start:end]
        self._parts.check_size(self._name, len(self._content))

    def _end(self) -> None:
        self._parts.add(self._name, self._content)
        self._content = bytearray()

    def _end_form(self) -> None:
        self._complete = True
