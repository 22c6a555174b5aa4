/* Arduino's Serial. */
#include <Arduino.h>

#if defined(__AVR__)
#include <avr/wdt.h>
#endif

#include "device.h"

void tinykit_serial_start(void) {
    Serial.begin(115200);
}

void tinykit_serial_put(uint8_t byte) {
    Serial.write(byte);
}

void tinykit_serial_flush(void) {
    Serial.flush();
}

int tinykit_serial_get(void) {
    return Serial.read();
}

uint32_t tinykit_microseconds(void) {
    return micros();
}

void tinykit_reset(void) {
#if defined(ARDUINO_ARCH_ESP32) || defined(ARDUINO_ARCH_ESP8266)
    ESP.restart();
#elif defined(__AVR__)
    wdt_enable(WDTO_15MS);
#elif defined(__arm__)
    /* System reset request: Arm v7-M Architecture Reference Manual, B3.2.6 AIRCR; the same on all Cortex-M. */
    *reinterpret_cast<volatile uint32_t *>(0xE000ED0Cu) = 0x05FA0004u;
#endif
    for (;;) {
    }
}
