"""docs/api.md tells the truth."""

import asyncio
import base64
import json
import re
import shlex
import time

import httpx
import pytest
import yaml

from models.photo.header import DEFAULT_LIMITS
from serve_graph import PROJECT
from serve_graph.api import describe
from serve_graph.api.schemas import EditedFaceAnswer, UnmaskAnswer
from serve_graph.problems import Problem
from serve_graph.settings import ApiSettings

TEXT = (PROJECT / "docs" / "api.md").read_text()
WORDS = " ".join(TEXT.split())


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


CURLS = [line for block in blocks("sh") for line in block.splitlines()]
CALLS = ("unmask", "swap", "mask", "faces")


def rows_under(head):
    """Cells of the table with this head, one list per row."""
    (table,) = re.findall(rf"^{re.escape(head)}\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]


@pytest.fixture
def post(make_api, monkeypatch, tmp_path, photo, reference):
    """Calls the API from a folder with the files that the examples send."""
    (tmp_path / "person.jpg").write_bytes(photo)
    (tmp_path / "me.jpg").write_bytes(reference)
    monkeypatch.chdir(tmp_path)
    api = make_api()

    def post(url, **options):
        async def answer():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(api)) as client:
                return await client.post(url, **options)

        return asyncio.run(answer())

    found = post("http://localhost:8000/v1/mask", files={"photo": photo})
    (tmp_path / "mask.png").write_bytes(found.content)
    return post


def test_each_type_of_problem_is_told_with_its_status():
    rows = re.findall(r"^\| ([\d, ]+) \| (.*?) \|", TEXT, re.MULTILINE)
    told = {
        (one, status) for status, types in rows for one in re.findall(r"/problems/([\w-]+)", types)
    }
    ours = {(one.slug, str(one.status)) for one in describe.PROBLEMS}
    others = {("internal", "500"), ("not-found", "404, 405"), ("method-not-allowed", "404, 405")}

    assert told == ours | others


def test_the_example_of_an_answer_has_its_members():
    _, answer, problem = (json.loads(block) for block in blocks("json"))

    assert set(answer) == set(UnmaskAnswer.model_fields)
    assert set(answer["faces"][0]) == set(EditedFaceAnswer.model_fields)
    assert set(problem) <= set(Problem.model_fields)


async def test_the_example_of_an_info_is_that_of_default_settings(client):
    info, *_ = (json.loads(block) for block in blocks("json"))
    told = (await client.get("/v1/info")).json()

    versions = {"version", "model_version"}
    assert set(info) == set(told)
    assert {key: info[key] for key in info if key not in versions} == {
        key: told[key] for key in told if key not in versions
    }


def test_who_copies_the_example_of_origins_keeps_the_shipped_numbers():
    (example,) = (yaml.safe_load(block) for block in blocks("yaml"))
    (app,) = yaml.safe_load((PROJECT / "configs" / "laptop.yaml").read_text())["applications"]

    origins = example["args"]["api"].pop("allow_origins")
    assert ApiSettings(allow_origins=origins).allow_origins
    assert example["args"]["api"] == app["args"]["api"]


def test_settings_and_their_defaults_are_the_services():
    settings = ApiSettings()

    assert set(re.findall(r"`args\.api\.(\w+)", TEXT)) <= set(ApiSettings.model_fields)
    assert f"{settings.default_timeout_s:g} s without it" in WORDS
    assert f"at most {settings.max_timeout_s:g} s" in WORDS
    assert f"{settings.quality} if not said" in WORDS
    assert f"the {settings.max_faces} best faces are edited" in WORDS
    assert f"{DEFAULT_LIMITS.max_bytes / 1e6:g} MB" in WORDS
    assert f"{DEFAULT_LIMITS.max_pixels / 1e6:g} megapixels" in WORDS
    assert f"{DEFAULT_LIMITS.max_side:,} px a side" in WORDS


@pytest.mark.parametrize("curl", CURLS)
def test_each_curl_is_answered_with_a_picture(post, tmp_path, curl):
    words = shlex.split(curl)
    values = {
        word: words[at + 1] for at, word in enumerate(words) if word in ("-H", "--data-binary")
    }
    sent = [words[at + 1].split("=") for at, word in enumerate(words) if word == "-F"]
    files = {name: (tmp_path / value[1:]).read_bytes() for name, value in sent if value[0] == "@"}
    (url,) = (word for word in words if word.startswith("http"))
    if "--data-binary" in values:
        body = (tmp_path / values["--data-binary"][1:]).read_bytes()
        answer = post(url, content=body, headers=[values["-H"].split(": ")])
    else:
        data = {name: value for name, value in sent if name not in files}
        answer = post(url, files=files, data=data)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("image/")


def test_the_contents_name_each_section():
    told = re.findall(r"^- \[(.*)\]\(#(.*)\)$", TEXT, re.MULTILINE)
    sections = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)

    assert told == [
        (one, re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-")) for one in sections
    ]


@pytest.fixture
def form_of(make_api):
    """The fields of a call's form in the OpenAPI document."""
    paths = make_api().openapi()["paths"]

    def form_of(call):
        content = paths[f"/v1/{call}"]["post"]["requestBody"]["content"]
        return content["multipart/form-data"]["schema"]["properties"]

    return form_of


FIELDS = rows_under("| field | values | default | calls | what |")


@pytest.mark.parametrize("call", CALLS)
def test_the_table_of_fields_has_those_of_each_call_and_no_others(form_of, call):
    told = [
        field.strip("`")
        for field, _, _, calls, _ in FIELDS
        if calls == "all" or call in calls.split(", ")
    ]

    assert sorted(told) == sorted(form_of(call))


def test_the_table_of_fields_has_their_defaults(form_of):
    told = {field.strip("`"): default.strip("`") for field, _, default, _, _ in FIELDS}
    defaults = {
        name: default
        for name, schema in form_of("unmask").items()
        for default in re.findall(r"Default: `(\w+)`", schema["description"])
    }

    assert len(defaults) == 6
    assert {name: told[name] for name in defaults} == defaults


def test_the_table_of_fields_has_their_values(form_of):
    told = {field.strip("`"): values.replace("`", "") for field, values, *_ in FIELDS}

    expected = {}
    for name, schema in form_of("unmask").items():
        if "enum" in schema:
            expected[name] = ", ".join(schema["enum"])
        elif "maximum" in schema:
            expected[name] = f"{schema['minimum']} to {schema['maximum']}"

    assert expected
    assert {name: told[name] for name in expected} == expected


def test_the_table_of_stages_has_those_that_are_told_in_their_order(post, photo, reference):
    answer = post(
        "http://localhost/v1/unmask",
        files={"photo": photo, "reference": reference},
        data={"consent": "true"},
        headers={"Accept": describe.EVENTS},
    )

    stages = re.findall(r'"stage":"(\w+)"', answer.text)
    told = [stage.strip("`") for stage, _, _ in rows_under("| stage | what happens | how often |")]
    assert told == list(dict.fromkeys(stages))


def test_the_short_python_example_runs(post, tmp_path, monkeypatch):
    monkeypatch.setattr(httpx, "post", post)
    (script,) = blocks("py")

    exec(compile(script, "docs/api.md", "exec"), {})

    assert (tmp_path / "out.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_the_form_that_the_swift_example_builds_is_read(post, photo, reference):
    """Swift isn't compiled here: the same text makes the same bytes."""
    (script,) = blocks("swift")
    parts = [
        text.replace("\\(boundary)", "X").replace("\\r\\n", "\r\n").replace('\\"', '"')
        for text in re.findall(r'ata\("(.*)"\.utf8\)', script)
    ]
    consent, head, after, end = parts
    (kind,) = re.findall(r'send\(form, "(.*)"\)', script)
    values = {"photo": photo, "reference": reference, "consent": consent.encode()}
    form = b"".join(
        head.replace("\\(name)", name).encode() + value + after.encode()
        for name, value in values.items()
    )

    answer = post(
        "http://localhost:8000/v1/unmask",
        content=form + end.encode(),
        headers={"Content-Type": kind.replace("\\(boundary)", "X")},
    )

    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-faces-changed"], answer.headers["x-faces-swapped"]) == ("1", "1")


@pytest.fixture
def run_python(monkeypatch, tmp_path, photo):
    """Runs the example with these answers, the last one repeated; gives its waits (s) and end."""

    def run(*answers):
        left, waits = list(answers), []
        (tmp_path / "person.jpg").write_bytes(photo)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(time, "sleep", waits.append)

        def post(*_, **__):
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(httpx, "post", post)
        (script,) = blocks("python")
        try:
            exec(compile(script, "docs/api.md", "exec"), {})
        except SystemExit as end:
            return waits, str(end)
        return waits, ""

    return run


@pytest.fixture
def painted(post, photo):
    return post(
        "http://localhost:8000/v1/unmask",
        files={"photo": photo},
        data={"format": "webp"},
        headers={"Accept": "application/json"},
    )


def busy(retry_after):
    content = {"type": "/problems/busy", "detail": "Too many requests at once."}
    headers = {"Content-Type": "application/problem+json", "Retry-After": retry_after}
    return httpx.Response(503, headers=headers, content=json.dumps(content))


def test_the_python_example_runs(post, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(httpx, "post", post)
    (script,) = blocks("python")

    exec(compile(script, "docs/api.md", "exec"), {})

    assert "True" in capsys.readouterr().out
    assert (tmp_path / "out.webp").read_bytes().startswith(b"RIFF")


def test_the_python_example_waits_as_a_503_says_and_tries_again(run_python, painted, tmp_path):
    (first, second), end = run_python(busy("3"), busy("2"), painted)

    assert 3 <= first <= 6
    assert 4 <= second <= 8
    assert end == ""
    assert (tmp_path / "out.webp").exists()


def test_the_python_example_gives_up_after_some_tries(run_python):
    waits, end = run_python(busy("1"))

    assert len(waits) == 3
    assert end == "/problems/busy: Too many requests at once."


CLOSED = httpx.RemoteProtocolError("Server disconnected without sending a response.")


def test_the_python_example_tries_again_if_the_connection_closes(run_python, painted, tmp_path):
    (waited,), end = run_python(CLOSED, painted)

    assert 1 <= waited <= 2
    assert end == ""
    assert (tmp_path / "out.webp").exists()


def test_the_python_example_tells_what_was_wrong_with_the_connection(run_python):
    waits, end = run_python(CLOSED)

    assert len(waits) == 3
    assert end == f"503: {CLOSED!r}"


def test_the_python_example_takes_a_date_of_a_proxy_for_a_second(run_python, painted):
    (waited,), _ = run_python(busy("Wed, 21 Oct 2026 07:28:00 GMT"), painted)

    assert 1 <= waited <= 2


def test_the_python_example_names_the_status_of_a_proxys_page(run_python):
    assert run_python(httpx.Response(502, html="<h1>Bad Gateway</h1>")) == ([], "502: no detail")


def test_events_look_as_the_reader_loop_expects(post, photo):
    pattern = re.compile(r"^event: (\w+)\ndata: (.*)$")  # as in the reader loop
    assert "/^event: (\\w+)\\ndata: (.*)$/" in TEXT

    answer = post(
        "http://localhost/v1/unmask", files={"photo": photo}, headers={"Accept": describe.EVENTS}
    )

    events = [pattern.match(event) for event in answer.text.split("\n\n")[:-1]]
    assert [event[1] for event in events][-1] == "result"
    assert base64.b64decode(json.loads(events[-1][2])["painted"]["base64"])
