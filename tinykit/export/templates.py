"""The ecosystems: where each wants its files, and what the user runs there."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from tinykit.errors import UsageError


@dataclass(frozen=True)
class Template:
    """An ecosystem. In paths "NAME" stands for the model's name.

    Attributes:
        name: the folder in firmware_templates/ whose files become the project; those in its `library/` go to `library`.
        title: for people.
        library: where the model's own files go, and beside them the folder tinykit/ that serves it.
        sensor: the file that the user fills in.
        device: the template whose `library/` has the serial port, where another shares it.
        command: what builds the project, "ID" being the ecosystem's name of the board.
        default_id: that name where nothing better is known; boards' own are in [ecosystems] of their files.
    """

    name: str
    title: str
    library: str
    sensor: str
    command: str
    device: str = ""
    default_id: str = ""


TEMPLATES: dict[str, Template] = {
    template.name: template
    for template in (
        Template("cmake", "CMake library", "model", "sensor.c", "cmake -B out && cmake --build out"),
        Template(
            "arduino",
            "Arduino library and sketch",
            "libraries/NAME/src",
            "NAME_serve/sensor.cpp",
            "arduino-cli compile --fqbn ID --libraries libraries NAME_serve",
            default_id="arduino:mbed_nano:nano33ble",
        ),
        Template(
            "platformio",
            "PlatformIO project",
            "lib/NAME/src",
            "src/sensor.cpp",
            "pio run",
            device="arduino",
            default_id="ststm32/nucleo_f446re",
        ),
        Template(
            "espidf",
            "ESP-IDF component and app",
            "components/NAME",
            "main/sensor.c",
            "idf.py set-target ID && idf.py build",
            default_id="esp32",
        ),
        Template(
            "zephyr",
            "Zephyr module and app",
            "NAME",
            "app/src/sensor.c",
            "west build -b ID app",
            default_id="nucleo_f446re",
        ),
    )
}

TFLM_SOURCES = {
    "arduino": "https://github.com/tensorflow/tflite-micro-arduino-examples",
    "platformio": "https://github.com/tensorflow/tflite-micro-arduino-examples",
    "espidf": "espressif/esp-tflite-micro",
}
"""Where each ecosystem has TensorFlow Lite Micro."""


def template(name: str) -> Template:
    """The template of this name.

    Raises: UsageError for an unknown one, with the nearest.
    """
    if name not in TEMPLATES:
        near = difflib.get_close_matches(name, [*TEMPLATES, "baremetal"], n=1)
        raise UsageError(
            f"unknown template {name!r}",
            expected=f"one of baremetal, {', '.join(TEMPLATES)}",
            next_step=f"Did you mean {near[0]!r}?" if near else None,
        )
    return TEMPLATES[name]
