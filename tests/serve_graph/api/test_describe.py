"""The OpenAPI document says what client authors need, and docs/openapi.json is that document."""

import pytest

from serve_graph.api import describe
from serve_graph.api.document import COMMAND, PATH, document

CALLS = ("unmask", "swap", "mask", "faces")


@pytest.fixture
def operation(make_api):
    """The document's description of a call; keywords are the service's settings."""

    def of(call, **settings):
        return make_api(**settings).openapi()["paths"][f"/v1/{call}"]["post"]

    return of


def form_of(operation):
    content = operation["requestBody"]["content"]["multipart/form-data"]
    return content["schema"]["properties"]


def parameters_of(operation):
    return {(one["name"], one["in"]): one for one in operation["parameters"]}


def test_the_stored_document_is_that_of_a_service_with_default_settings():
    is_up_to_date = PATH.read_text() == document()

    assert is_up_to_date, f"docs/openapi.json is out of date; this writes it anew: {COMMAND}"


@pytest.mark.parametrize("call", CALLS)
def test_the_photo_has_its_formats_and_the_services_limits(operation, call):
    limits = {"max_bytes": 5_000_000, "max_pixels": 12_000_000, "max_side": 4000}

    told = form_of(operation(call, limits=limits))["photo"]["description"]

    assert "JPEG, PNG, WebP or HEIC" in told
    assert "5 MB, 12 megapixels, 4000 px a side" in told


@pytest.mark.parametrize("call", CALLS)
def test_each_field_has_a_description_in_form_and_query(operation, call):
    described = operation(call)
    query = [one for one in described["parameters"] if one["in"] == "query"]

    for one in (*form_of(described).values(), *query):
        assert one["description"]


def test_the_default_of_quality_is_the_services(operation):
    described = operation("unmask", quality=80)

    assert form_of(described)["quality"]["description"].endswith("Default: `80`.")
    assert parameters_of(described)["quality", "query"]["description"].endswith("Default: `80`.")


@pytest.mark.parametrize("call", CALLS)
def test_no_generated_client_sends_a_default_that_overrides_the_callers_choice(operation, call):
    described = operation(call)
    query = [one["schema"] for one in described["parameters"]]

    assert not [one for one in (*form_of(described).values(), *query) if "default" in one]


@pytest.mark.parametrize("call", ["unmask", "mask", "faces"])
def test_the_photo_as_the_body_has_a_type_that_generators_know(operation, call):
    content = operation(call)["requestBody"]["content"]

    assert content["application/octet-stream"]["schema"]["format"] == "binary"


@pytest.mark.parametrize("call", CALLS)
def test_a_callers_own_request_id_is_a_header_of_each_call(operation, call):
    assert ("X-Request-ID", "header") in parameters_of(operation(call))


@pytest.mark.parametrize(
    ("call", "counts"),
    [
        ("unmask", ["X-Faces", "X-Faces-Changed", "X-Faces-Swapped"]),
        ("swap", ["X-Faces", "X-Faces-Changed", "X-Faces-Swapped"]),
        ("mask", ["X-Faces"]),
        ("faces", []),
    ],
)
def test_a_picture_declares_its_headers_about_faces(operation, call, counts):
    headers = operation(call)["responses"]["200"]["headers"]

    assert [name for name in headers if name.startswith("X-Faces")] == counts


@pytest.mark.parametrize("name", ["UnmaskAnswer", "MaskAnswer", "FacesAnswer", "EditedFaceAnswer"])
def test_all_members_of_an_answer_are_always_there(make_api, name):
    schema = make_api().openapi()["components"]["schemas"][name]

    assert schema["required"] == list(schema["properties"])


def test_the_document_says_how_many_numbers_a_face_has(make_api):
    face = make_api().openapi()["components"]["schemas"]["FaceAnswer"]["properties"]

    def length(schema):
        return schema["minItems"], schema["maxItems"]

    assert length(face["box"]) == (4, 4)
    assert (length(face["points"]), length(face["points"]["items"])) == ((5, 5), (2, 2))


def test_the_types_of_pictures_in_json_are_those_of_pictures_as_answers(make_api, operation):
    picture = make_api().openapi()["components"]["schemas"]["PictureAnswer"]["properties"]
    kinds = operation("unmask")["responses"]["200"]["content"]

    assert picture["media_type"]["enum"] == [one for one in kinds if one.startswith("image/")]


def test_each_503_declares_retry_after_and_no_other_status_does(make_api):
    paths = make_api().openapi()["paths"].values()
    answers = [
        (status, answer)
        for path in paths
        for operation in path.values()
        for status, answer in operation["responses"].items()
    ]

    assert "503" in {status for status, _ in answers}
    for status, answer in answers:
        assert ("Retry-After" in answer.get("headers", {})) == (status == "503")


def test_the_about_text_has_all_types_of_problems():
    for slug in ("not-found", "method-not-allowed", "internal"):
        assert f"`/problems/{slug}`" in describe.ABOUT
    for one in describe.PROBLEMS:
        assert f"| {one.status} | `/problems/{one.slug}` | {one.title} |" in describe.ABOUT
