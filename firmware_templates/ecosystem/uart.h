/* The serial port of protocol.c and serve.c, by names that no ecosystem has functions of. */
#ifndef UART_H
#define UART_H

#include "device.h"

#define uart_put tinykit_serial_put
#define uart_flush tinykit_serial_flush

#endif
