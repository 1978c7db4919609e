"""Which pages may call: browsers name the page's origin, and whether it is another one."""

import pytest

EVIL, APP, WEBVIEW = "https://evil.example", "https://app.example", "capacitor://localhost"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("origin", [EVIL, "null"])
async def test_a_page_of_another_origin_is_403_and_costs_nothing(
    client, photo, stages, site, origin
):
    headers = {"Origin": origin, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}

    answer = await client.post("/v1/faces", files={"photo": photo}, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/other-origin")
    assert answer.headers["content-type"] == "application/problem+json"
    assert not stages.calls


@pytest.mark.parametrize(
    ("allowed", "headers"),
    [
        ((), {}),  # a server, an app
        ((), {"Origin": EVIL}),  # React Native sends one, but isn't a browser
        ((), {"Origin": "http://mask2face", "Sec-Fetch-Site": "same-origin"}),
        ((), {"Sec-Fetch-Site": "none"}),
        ((APP,), {"Origin": APP, "Sec-Fetch-Site": "cross-site"}),
        ((WEBVIEW,), {"Origin": WEBVIEW, "Sec-Fetch-Site": "cross-site"}),
        (("*",), {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
    ],
)
async def test_the_own_page_allowed_origins_and_programs_may_call(
    make_client, photo, allowed, headers
):
    client = make_client(allow_origins=allowed)

    answer = await client.post("/v1/faces", files={"photo": photo}, headers=headers)

    assert answer.status_code == 200
