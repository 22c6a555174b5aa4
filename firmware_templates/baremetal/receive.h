/* The ring between the receive interrupt and the main loop: one writer, one reader. */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <stdint.h>

/* Stores a byte; drops it when the ring is full (the frame's CRC then fails, and the host asks again). */
void receive_push(uint8_t byte);

/* The next byte, -1 while there is none. */
int receive_next(void);

/* Sleeps until an interrupt, unless there is a byte. */
void receive_sleep(void);

#endif
