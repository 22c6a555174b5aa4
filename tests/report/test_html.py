"""The page: every section of a whole run, survival of any partial or broken one, nothing loaded or unescaped."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.report import sample
from tinykit.report.html import render


class Page(HTMLParser):
    """Collects tags with attributes, section ids, and checks that tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.tags if "id" in attrs]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_every_section_of_a_whole_run_in_order() -> None:
    learning = ["accuracy", "pruning", "quantization", "training", "confusion"]
    wanted = ["verdict", "figures", *learning, "memory", "layers", "parts", "provenance"]
    assert Page(render(sample.full_run())).ids == wanted


def test_headline_figures_are_the_run_s_own() -> None:
    text = Page(render(sample.full_run())).text
    for figure in ("95.0 %", "195,289", "12,506 B", "3,492 B", "Passed", "No byte differs", "mps2-an386, emulated"):
        assert figure in text
    assert "10.3 points more" in text
    assert "9.5 to 10.8 seed by seed" in text


def test_what_pruning_bought_and_where_quantization_hurts() -> None:
    run = sample.full_run()
    text = Page(render(run)).text
    assert "21,895 B → 12,506 B" in text and "−43 %" in text and "as the emulated board counts them" in text
    assert "a few values stretch its range" in text and "1.00 %" in text
    run["stages"][3]["bought"] |= {"measured": False, "after": {"flash": 22000, "ram": None, "instructions": -1}}
    text = Page(render(run)).text
    assert "as planned for this board" in text and "+0 %" in text and "3,560 B" not in text and "231,904" not in text


def test_a_failed_run_says_why_and_where() -> None:
    text = Page(render(sample.failed_run())).text
    assert "Not passed" in text
    assert "42 bytes differ between the board and TFLM" in text
    assert "student/pw3/Relu (CONV_2D, conv_1x1)" in text


def test_instructions_are_never_called_cycles_or_time() -> None:
    text = Page(render(sample.full_run())).text.lower()
    assert "neither cycles nor time" in text
    assert not re.search(r"\d\s*(cycles|ms|milliseconds|mhz)\b", text)


def test_hardware_is_not_called_emulated() -> None:
    run = sample.full_run()
    run["bench"]["emulated"] = run["validate"]["emulated"] = False
    text = Page(render(run)).text
    assert "mulated" not in text
    assert "mps2-an386, hardware" in text


def test_layers_keep_the_numbers_of_their_steps() -> None:
    run = sample.full_run()
    del run["bench"]["layers"][3]
    page = render(run)
    assert re.search(r'<td class="n">4</td><th scope="row" title="student/dw5/Relu">', page)


def test_a_board_s_own_cycles_are_not_called_instructions() -> None:
    run = sample.bench_only_run()
    run["bench"] |= {"instructions": None, "ticks": 812345, "tick_unit": "cycles", "emulated": False}
    run["bench"]["layers"] = [layer | {"instructions": None, "ticks": 9} for layer in run["bench"]["layers"]]
    text = Page(render(run)).text
    assert "Cycles per inference" in text
    assert "nstructions" not in text


def test_validate_alone_gives_the_board_s_matrix() -> None:
    validate = sample.full_run()["validate"] | {"confusion": [[5, 1], [0, 4]], "labels": ["yes", "no"]}
    text = Page(render({"validate": validate})).text
    assert "9 of 10 right" in text
    assert "yes taken for no (1)" in text


def test_only_bench_leaves_the_rest_out() -> None:
    page = Page(render(sample.bench_only_run()))
    assert page.ids == ["verdict", "figures", "memory", "layers", "parts", "provenance"]
    assert "Not judged" in page.text


def test_plan_without_bench_is_called_predicted() -> None:
    run = sample.bench_only_run()
    del run["bench"]
    assert "predicted from the plan" in Page(render(run)).text


@pytest.mark.parametrize("key", sorted(sample.full_run()))
@pytest.mark.parametrize("gone", ["null", "absent"])
def test_any_part_may_be_missing(key: str, gone: str) -> None:
    run = sample.full_run()
    if gone == "null":
        run[key] = None
    else:
        del run[key]
    assert "verdict" in Page(render(run)).ids


def test_an_empty_run_is_a_page() -> None:
    assert Page(render({})).ids == ["verdict"]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = value.keys() if isinstance(value, dict) else range(min(len(value), 3)) if isinstance(value, list) else ()
    return [path, *(inner for key in keys for inner in _paths(value[key], (*path, key)))]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(_paths(sample.full_run())[1:]), JSON_VALUES)
def test_any_value_in_any_place_still_renders(path: tuple[Any, ...], value: Any) -> None:
    run = copy.deepcopy(sample.full_run())
    place: Any = run
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    Page(render(run))


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}</style>"]
)
def test_hostile_names_stay_text(hostile: str) -> None:
    plain = Page(render(sample.full_run()))

    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: poison(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [poison(inner) for inner in value]
        return f"{value}{hostile}" if isinstance(value, str) else value

    run = poison(sample.full_run())
    run["provenance"]["versions"][hostile] = hostile
    page = Page(render(run))
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in plain.tags}
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert hostile in "".join(page.words)
    assert "49" not in "".join(w for w in page.words if "7*7" in w)


@pytest.mark.parametrize("run", [sample.full_run(), sample.wide_run(), sample.bench_only_run()])
def test_the_page_loads_nothing(run: dict[str, Any]) -> None:
    html = render(run)
    page = Page(html)
    links = [v for _, attrs in page.tags for k, v in attrs.items() if k in {"src", "href", "srcset", "data", "action"}]
    assert links == ["data:,"]
    assert not re.search(r"@import|url\(", html)
    assert not {"script", "iframe", "object", "embed", "img"} & {tag for tag, _ in page.tags}
    outside = re.findall(r"https?://[^\"'\s<]+", html)
    assert set(outside) <= {"http://www.w3.org/1999/xhtml"}


def test_pictures_and_tables_speak_to_screen_readers() -> None:
    tags = Page(render(sample.full_run())).tags
    for tag, attrs in tags:
        if tag == "svg" and attrs.get("role") == "img":
            assert attrs.get("aria-label")
        if tag == "th":
            assert attrs.get("scope") in {"row", "col"}
    assert sum(1 for tag, _ in tags if tag == "h1") == 1


def test_many_classes_are_given_by_their_largest_confusions() -> None:
    page = Page(render(sample.wide_run(classes=100)))
    assert not any("cells" in (attrs.get("class") or "") for tag, attrs in page.tags if tag == "table")
    assert "Most confused: class number" in page.text


def test_equal_runs_make_equal_pages() -> None:
    assert render(sample.full_run()) == render(sample.full_run())
