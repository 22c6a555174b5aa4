#include "receive.h"

#include "core.h"

#define RING_BYTES 256u /* one whole frame; indices are bytes and wrap by themselves */

static volatile uint8_t ring[RING_BYTES];
static volatile uint8_t head; /* next place to write */
static volatile uint8_t tail; /* next place to read */

void receive_push(uint8_t byte) {
    const uint8_t at = head;
    const uint8_t next = (uint8_t)(at + 1u);
    if (next != tail) {
        ring[at] = byte;
        head = next;
    }
}

int receive_next(void) {
    const uint8_t at = tail;
    if (head == at) {
        return -1;
    }
    const uint8_t byte = ring[at];
    tail = (uint8_t)(at + 1u);
    return byte;
}

void receive_sleep(void) {
    /* With interrupts off a byte cannot slip in between the test and the sleep; a pending interrupt still wakes. */
    interrupts_off();
    if (head == tail) {
        wait_for_interrupt();
    }
    interrupts_on();
}
