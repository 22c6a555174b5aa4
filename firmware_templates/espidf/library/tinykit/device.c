/* A UART of ESP-IDF's driver. */
#include "device.h"

#include "driver/uart.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "sdkconfig.h"

#define PORT ((uart_port_t)CONFIG_TINYKIT_UART)
#define RECEIVE_BYTES 512
#define WAIT_TICKS 1

void tinykit_serial_start(void) {
    const uart_config_t config = {
        .baud_rate = CONFIG_TINYKIT_BAUD,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    ESP_ERROR_CHECK(uart_driver_install(PORT, RECEIVE_BYTES, 0, 0, NULL, 0));
    ESP_ERROR_CHECK(uart_param_config(PORT, &config));
}

void tinykit_serial_put(uint8_t byte) {
    (void)uart_write_bytes(PORT, &byte, 1);
}

void tinykit_serial_flush(void) {
    (void)uart_wait_tx_done(PORT, portMAX_DELAY);
}

int tinykit_serial_get(void) {
    uint8_t byte;
    return uart_read_bytes(PORT, &byte, 1, WAIT_TICKS) == 1 ? byte : -1;
}

uint32_t tinykit_microseconds(void) {
    return (uint32_t)esp_timer_get_time();
}

void tinykit_reset(void) {
    esp_restart();
}
