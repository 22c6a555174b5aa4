/* The UART that the device tree chooses as console, received by interrupt. */
#include "device.h"

#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/reboot.h>

#define RECEIVE_BYTES 256

static const struct device *const port = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

K_MSGQ_DEFINE(tinykit_received, sizeof(uint8_t), RECEIVE_BYTES, 1);

static void receive(const struct device *from, void *unused) {
    (void)unused;
    uint8_t byte;
    while (uart_irq_update(from) && uart_irq_rx_ready(from) && uart_fifo_read(from, &byte, 1) == 1) {
        (void)k_msgq_put(&tinykit_received, &byte, K_NO_WAIT); /* the frame's CRC tells when one is lost */
    }
}

void tinykit_serial_start(void) {
    (void)uart_irq_callback_user_data_set(port, receive, NULL);
    uart_irq_rx_enable(port);
}

void tinykit_serial_put(uint8_t byte) {
    uart_poll_out(port, byte);
}

void tinykit_serial_flush(void) {
    k_msleep(30); /* a whole frame at 115200 baud takes 22 ms, and the driver does not tell when it has left */
}

int tinykit_serial_get(void) {
    uint8_t byte;
    return k_msgq_get(&tinykit_received, &byte, K_MSEC(1)) == 0 ? byte : -1;
}

uint32_t tinykit_microseconds(void) {
    return (uint32_t)k_cyc_to_us_floor64(k_cycle_get_32());
}

void tinykit_reset(void) {
    sys_reboot(SYS_REBOOT_COLD);
}
