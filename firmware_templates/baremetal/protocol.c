#include "protocol.h"

#include "uart.h"

/* CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320) of every nibble. */
static const uint32_t crc_of_nibble[16] = {
    0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
    0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
};

static uint32_t crc32(const uint8_t *data, uint32_t length) {
    uint32_t crc = 0xFFFFFFFFu;
    for (uint32_t i = 0u; i < length; ++i) {
        crc ^= data[i];
        crc = (crc >> 4) ^ crc_of_nibble[crc & 15u];
        crc = (crc >> 4) ^ crc_of_nibble[crc & 15u];
    }
    return ~crc;
}

uint16_t get_u16(const uint8_t *from) {
    return (uint16_t)(from[0] | ((uint32_t)from[1] << 8));
}

uint32_t get_u32(const uint8_t *from) {
    return get_u16(from) | ((uint32_t)get_u16(from + 2) << 16);
}

uint8_t *put_u16(uint8_t *to, uint32_t value) {
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    return to + 2;
}

uint8_t *put_u32(uint8_t *to, uint32_t value) {
    return put_u16(put_u16(to, value), value >> 16);
}

uint8_t *frame_payload(Frame *frame) {
    return frame->body + 2;
}

void frame_clear(Frame *frame) {
    frame->filled = 0u;
    frame->block = 0xFFu; /* no block before the first, so no zero to put between */
    frame->remaining = 0u;
    frame->broken = 0u;
}

static void append(Frame *frame, uint8_t byte) {
    if (frame->filled < PROTOCOL_BODY_BYTES) {
        frame->body[frame->filled++] = byte;
    } else {
        frame->broken = 1u;
    }
}

/* At the zero byte: whether the body is whole and its CRC right. */
static int is_sound(Frame *frame) {
    if (frame->broken != 0u || frame->remaining != 0u || frame->filled < 6u) {
        return 0;
    }
    const uint32_t covered = frame->filled - 4u;
    if (crc32(frame->body, covered) != get_u32(frame->body + covered)) {
        return 0;
    }
    frame->type = frame->body[0];
    frame->sequence = frame->body[1];
    frame->length = covered - 2u;
    return 1;
}

int frame_receive(Frame *frame, uint8_t byte) {
    if (byte == 0u) {
        const int sound = is_sound(frame);
        frame_clear(frame);
        return sound;
    }
    if (frame->remaining != 0u) {
        append(frame, byte);
        --frame->remaining;
        return 0;
    }
    if (frame->block != 0xFFu) {
        append(frame, 0u);
    }
    frame->block = byte;
    frame->remaining = (uint8_t)(byte - 1u);
    return 0;
}

/* The body is shorter than 254 bytes, so that a block always ends at a zero or at the end. */
static void send_cobs(const uint8_t *data, uint32_t length) {
    uint32_t start = 0u;
    while (start <= length) {
        uint32_t end = start;
        while (end < length && data[end] != 0u) {
            ++end;
        }
        uart_put((uint8_t)(end - start + 1u));
        for (uint32_t i = start; i < end; ++i) {
            uart_put(data[i]);
        }
        start = end + 1u;
    }
    uart_put(0u);
}

void frame_send(Frame *frame) {
    const uint32_t covered = frame->length + 2u;
    frame->body[0] = frame->type;
    frame->body[1] = frame->sequence;
    (void)put_u32(frame->body + covered, crc32(frame->body, covered));
    send_cobs(frame->body, covered + 4u);
}
