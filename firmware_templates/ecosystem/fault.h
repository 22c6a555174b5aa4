/* The reset of serve.c. Faults are the ecosystem's own business. */
#ifndef FAULT_H
#define FAULT_H

#include "device.h"

#define system_reset tinykit_reset

#endif
