/* Standard input and output as the serial port of a POSIX machine. */
#define _POSIX_C_SOURCE 199309L
#include "device.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MILLISECONDS 1

void tinykit_serial_start(void) {
}

void tinykit_serial_put(uint8_t byte) {
    if (write(STDOUT_FILENO, &byte, 1) != 1) {
        exit(EXIT_FAILURE); /* nobody listens any more */
    }
}

void tinykit_serial_flush(void) {
}

int tinykit_serial_get(void) {
    struct pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&waiting, 1, WAIT_MILLISECONDS) <= 0) {
        return -1;
    }
    uint8_t byte;
    if (read(STDIN_FILENO, &byte, 1) != 1) {
        exit(EXIT_SUCCESS); /* the host is gone */
    }
    return byte;
}

uint32_t tinykit_microseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u);
}

void tinykit_reset(void) {
    exit(EXIT_SUCCESS);
}
