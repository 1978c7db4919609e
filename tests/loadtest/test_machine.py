import pytest

from loadtest import machine


@pytest.mark.parametrize(
    ("family", "model", "flags", "generation"),
    [
        ("25", "1", "avx2", "Zen 3 (avx2)"),
        ("25", "17", "avx2 avx512f", "Zen 4 (avx2 avx512f)"),
        ("26", "2", "avx2 avx512f", "Zen 5 (avx2 avx512f)"),
        ("23", "49", "avx2", "family 23 model 49 (avx2)"),
        ("6", "143", "fpu amx_bf16", "family 6 model 143 (amx_bf16)"),
    ],
)
def test_a_processor_whose_name_says_little_is_told_by_its_generation(
    monkeypatch, family, model, flags, generation
):
    info = {"model name": "A Name", "cpu family": family, "model": model}
    monkeypatch.setattr(machine, "_cpuinfo", (info | {"flags": flags}).__getitem__)

    assert machine.processor() == f"A Name, {generation}"
