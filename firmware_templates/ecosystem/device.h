/* What an ecosystem gives: a serial port that is ours alone, a clock, a reset. One device.c or device.cpp for each.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the port: 115200 baud, 8N1. */
void tinykit_serial_start(void);

/* Sends one byte, waiting for room. */
void tinykit_serial_put(uint8_t byte);

/* Waits until the last byte has left. */
void tinykit_serial_flush(void);

/* A received byte, or -1. May wait a millisecond where the ecosystem's other tasks want to run. */
int tinykit_serial_get(void);

/* A clock that wraps at 2^32 microseconds. */
uint32_t tinykit_microseconds(void);

/* Starts the chip anew. */
void tinykit_reset(void);

#ifdef __cplusplus
}
#endif

#endif
