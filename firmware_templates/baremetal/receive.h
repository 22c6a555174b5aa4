/* The ring between the receive interrupt and the main loop: one writer, one reader. */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <stdint.h>

/* Stores a byte; drops it when the ring is full (the frame's CRC then fails, and the host asks again). */
void receive_push(uint8_t byte);

/* The next byte, sleeping until there is one. */
uint8_t receive_wait(void);

#endif
