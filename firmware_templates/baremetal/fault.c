#include "fault.h"

#include <stdint.h>

#include "protocol.h"
#include "uart.h"

Fault fault;

static void send_fault(Frame *frame) {
    uint8_t *to = frame_payload(frame);
    *to++ = (uint8_t)fault.cause;
    to = put_u32(to, fault.pc);
    to = put_u32(to, fault.lr);
    to = put_u32(to, fault.status);
    to = put_u32(to, fault.address);
    frame->type = EVENT_FAULT;
    frame->sequence = 0u;
    frame->length = (uint32_t)(to - frame_payload(frame));
    frame_send(frame);
    frame_clear(frame);
}

__attribute__((used)) void fault_serve(void) {
    Frame frame;
    uart_put(0u); /* ends whatever frame was on its way */
    send_fault(&frame);
    for (;;) {
        const int byte = uart_poll();
        if (byte < 0 || !frame_receive(&frame, (uint8_t)byte)) {
            continue;
        }
        if (frame.type == REQUEST_RESET) {
            frame.type = REQUEST_RESET | RESPONSE;
            frame.length = 0u;
            frame_send(&frame);
            uart_flush();
            system_reset();
        }
        send_fault(&frame);
    }
}
