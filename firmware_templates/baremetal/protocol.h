/* Frames of the serial protocol, version 1: COBS(type, sequence, payload, CRC-32) and one zero byte. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

#define PROTOCOL_VERSION 1u
#define PROTOCOL_PAYLOAD_BYTES 240u
#define PROTOCOL_BODY_BYTES (2u + PROTOCOL_PAYLOAD_BYTES + 4u)

enum {
    REQUEST_HELLO = 0x01,
    REQUEST_WRITE = 0x02,
    REQUEST_INVOKE = 0x03,
    REQUEST_READ = 0x04,
    REQUEST_STEP = 0x05,
    REQUEST_PEEK = 0x06,
    REQUEST_STACK = 0x07,
    REQUEST_RESET = 0x08,
    REQUEST_ECHO = 0x09,
    REQUEST_RESET_STATE = 0x0A,
    REQUEST_SAMPLES = 0x0B,
    RESPONSE = 0x80,
    EVENT_BOOT = 0xFD,
    EVENT_FAULT = 0xFE,
    RESPONSE_ERROR = 0xFF
};

enum { ERROR_UNKNOWN_TYPE = 1, ERROR_LENGTH = 2, ERROR_RANGE = 3, ERROR_REFUSED = 4 };

/* One frame in the making, and, once complete, in place of it. Serves requests and responses alike: a response is
 * written over the request that it answers. */
typedef struct {
    uint8_t type;
    uint8_t sequence;
    uint32_t length; /* of the payload */
    uint8_t body[PROTOCOL_BODY_BYTES];
    uint32_t filled;   /* bytes of body decoded so far */
    uint8_t block;     /* the length code of the COBS block being read */
    uint8_t remaining; /* its bytes still to come */
    uint8_t broken;    /* too long: skip to the next zero byte */
} Frame;

/* Where the payload starts. */
uint8_t *frame_payload(Frame *frame);

/* Forgets what was received, ready for a new frame. */
void frame_clear(Frame *frame);

/* Takes one received byte, whatever it is. Nonzero when it completes a sound frame: then type, sequence, length and
 * the payload are valid until the next call. */
int frame_receive(Frame *frame, uint8_t byte);

/* Sends type, sequence and the payload's first `length` bytes. */
void frame_send(Frame *frame);

uint16_t get_u16(const uint8_t *from);
uint32_t get_u32(const uint8_t *from);

/* Each stores little endian and returns the place behind. */
uint8_t *put_u16(uint8_t *to, uint32_t value);
uint8_t *put_u32(uint8_t *to, uint32_t value);

#endif
