"""What kind of answer the caller prefers: the query, or else the Accept header."""

from collections.abc import Sequence

from starlette.requests import Request

from models.photo.encode import AnswerFormat
from serve_graph.api.events import EVENTS
from serve_graph.api.schemas import ACCEPT, FacesFields, Kind, UnmaskFields
from serve_graph.problems import FieldProblem, FieldsError, NotAcceptableError

JSON = "application/json"
_NAMED, _WHOLE_TYPE = 3, 2  # how exactly an entry of Accept fits; */* is 1


def preferred(request: Request, fields: type[FacesFields]) -> Kind:
    """What the query, or else the Accept header, asks for; by default the call's first kind.

    Raises:
        FieldsError: the query asks for a kind that the call with these fields doesn't offer.
        NotAcceptableError: the header accepts no media type that it offers.
    """
    if asked := asked_in_query(request, fields.answers):
        return asked
    accept = _accept(request)
    fits = {kind: _fit(accept, kind, fields) for kind in fields.answers}
    best = max(fits, key=lambda kind: fits[kind])
    if not fits[best][0]:
        known = ", ".join(one for kind in fits for one in _media_types(kind, fields))
        raise NotAcceptableError(f"Accept: {accept[:200]}: expected one of {known}.")
    return best


def preferred_format(request: Request, own: AnswerFormat) -> AnswerFormat:
    """The picture format that the header prefers; `own` if it has no preference or the query rules.

    A format that it names comes before one that `image/*` or `*/*` covers.
    """
    if request.query_params.get(ACCEPT):
        return own
    accept = _accept(request)
    return max((own, *UnmaskFields.formats), key=lambda one: _preference(accept, f"image/{one}"))


def _accept(request: Request) -> str:
    return ", ".join(request.headers.getlist("accept")) or "*/*"


def _fit(accept: str, kind: Kind, fields: type[FacesFields]) -> tuple[float, int]:
    """The preference for a kind of answer; any picture will do, so `image/*` is as exact as one."""
    quality, exactness = max(_preference(accept, one) for one in _media_types(kind, fields))
    return quality, _NAMED if kind == "picture" and exactness == _WHOLE_TYPE else exactness


def _media_types(kind: Kind, fields: type[FacesFields]) -> Sequence[str]:
    if kind == "picture":
        return [f"image/{one}" for one in fields.formats]
    return [JSON if kind == "json" else EVENTS]


def asked_in_query(request: Request, kinds: Sequence[Kind]) -> Kind | None:
    """What the query asks for; raises FieldsError if that is none of `kinds`."""
    asked = request.query_params.get(ACCEPT)
    if not asked:
        return None
    for kind in kinds:
        if kind == asked:
            return kind
    expected = " or ".join(part for part in (", ".join(kinds[:-1]), kinds[-1]) if part)
    raise FieldsError([FieldProblem(field=ACCEPT, detail=f"Input should be {expected}")])


def _preference(accept: str, wanted: str) -> tuple[float, int]:
    """Quality (RFC 9110, 12.5.1) and specificity of the entry that fits a media type best."""
    best: tuple[int, float] = (0, 0.0)
    for entry in accept.lower().replace("image/jpg", "image/jpeg").split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        exactness = _exactness(name, wanted)
        if exactness:
            best = max(best, (exactness, _quality(parameters)))
    return best[1], best[0]


def _exactness(name: str, wanted: str) -> int:
    return {wanted: _NAMED, f"{wanted.split('/')[0]}/*": _WHOLE_TYPE, "*/*": 1}.get(name, 0)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                return 0.0
    return 1.0
