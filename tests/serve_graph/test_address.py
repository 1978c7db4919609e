import pytest

from serve_graph.address import is_loopback, url_for_others, url_here


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False), ("192.0.2.1", False)],
)
def test_only_loopback_addresses_are_for_this_machine_alone(host, is_ours):
    assert is_loopback(host) == is_ours


@pytest.mark.parametrize("url", [url_here, url_for_others])
def test_a_url_never_has_the_address_that_stands_for_all(url):
    assert "0.0.0.0" not in url("0.0.0.0", 8000)


@pytest.mark.parametrize("url", [url_here, url_for_others])
def test_an_address_of_its_own_stays(url):
    assert url("192.0.2.1", 8000) == "http://192.0.2.1:8000"
