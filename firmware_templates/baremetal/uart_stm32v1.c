/* USART of STM32F2 and STM32F4 (RM0090 and RM0390, "USART registers"). */
#include "uart_stm32.h"
#include "uart_stm32_any.h"

void uart_init(void) {
    pins_init();
    usart_enable();
}
