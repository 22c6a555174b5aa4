"""The ecosystems: where each wants its files, and what the user runs there."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

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
        default_id: that name where nothing better is known.
        ids: the ecosystem's names of our boards.
    """

    name: str
    title: str
    library: str
    sensor: str
    command: str
    device: str = ""
    default_id: str = ""
    ids: dict[str, str] = field(default_factory=dict)


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
            ids={
                "arduino-uno": "arduino:avr:uno",
                "arduino-nano-33-ble": "arduino:mbed_nano:nano33ble",
                "raspberry-pi-pico": "rp2040:rp2040:rpipico",
                "raspberry-pi-pico-2": "rp2040:rp2040:rpipico2",
                "esp32": "esp32:esp32:esp32",
                "esp32-s3": "esp32:esp32:esp32s3",
                "esp32-c3": "esp32:esp32:esp32c3",
                "teensy-4.1": "teensy:avr:teensy41",
                "teensy41": "teensy:avr:teensy41",
            },
        ),
        Template(
            "platformio",
            "PlatformIO project",
            "lib/NAME/src",
            "src/sensor.cpp",
            "pio run",
            device="arduino",
            default_id="nucleo_f446re",
            ids={
                "arduino-uno": "uno",
                "arduino-nano-33-ble": "nano33ble",
                "nucleo-f446re": "nucleo_f446re",
                "nucleo-l4r5zi": "nucleo_l4r5zi",
                "nucleo-h743zi": "nucleo_h743zi",
                "stm32f746g-disco": "disco_f746ng",
                "nrf52840-dk": "nrf52840_dk",
                "raspberry-pi-pico": "pico",
                "esp32": "esp32dev",
                "esp32-s3": "esp32-s3-devkitc-1",
                "esp32-c3": "esp32-c3-devkitm-1",
                "teensy-4.1": "teensy41",
                "teensy41": "teensy41",
            },
        ),
        Template(
            "espidf",
            "ESP-IDF component and app",
            "components/NAME",
            "main/sensor.c",
            "idf.py set-target ID && idf.py build",
            default_id="esp32",
            ids={"esp32": "esp32", "esp32-s3": "esp32s3", "esp32-c3": "esp32c3"},
        ),
        Template(
            "zephyr",
            "Zephyr module and app",
            "NAME",
            "app/src/sensor.c",
            "west build -b ID app",
            default_id="nucleo_f446re",
            ids={
                "microbit": "bbc_microbit",
                "mps2-an385": "mps2/an385",
                "mps2-an386": "mps2/an386",
                "mps3-an547": "mps3/corstone300/an547",
                "arduino-nano-33-ble": "arduino_nano_33_ble",
                "nucleo-f446re": "nucleo_f446re",
                "nucleo-l4r5zi": "nucleo_l4r5zi",
                "nucleo-h743zi": "nucleo_h743zi",
                "stm32f746g-disco": "stm32f746g_disco",
                "nrf52840-dk": "nrf52840dk/nrf52840",
                "raspberry-pi-pico": "rpi_pico",
                "raspberry-pi-pico-2": "rpi_pico2/rp2350a/m33",
                "esp32": "esp32_devkitc_wroom/esp32/procpu",
                "esp32-s3": "esp32s3_devkitc/esp32s3/procpu",
                "esp32-c3": "esp32c3_devkitm",
                "teensy-4.1": "teensy41",
                "teensy41": "teensy41",
            },
        ),
    )
}

PLATFORMIO_PLATFORMS = {
    "uno": "atmelavr",
    "nano33ble": "nordicnrf52",
    "nrf52840_dk": "nordicnrf52",
    "pico": "raspberrypi",
    "esp32dev": "espressif32",
    "esp32-s3-devkitc-1": "espressif32",
    "esp32-c3-devkitm-1": "espressif32",
    "teensy41": "teensy",
}
"""PlatformIO's development platform of each board; boards of ST are the rest."""

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
