/* What a program of yours needs to serve a model over a serial port, and the two functions that you fill in. */
#ifndef SERVE_H
#define SERVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tells the host that the device has started. Call it once the model and the serial port are ready. */
void serve_start(void);

/* Takes one received byte, whatever it is, and answers when it completes a request. */
void serve_byte(uint8_t byte);

/* Runs the model on the sensor's next input, if there is one; nonzero if there was. From the first request of a host
 * on, the model is the host's alone until the next reset: what it writes must stay. */
int serve_sensor(void);

/* Yours, in sensor.c: fills the model's input and returns 1; returns 0, without waiting, while nothing is new. */
int tinykit_read_input(void);

/* Yours, in sensor.c: called after each run on an input of the sensor. */
void tinykit_use_output(void);

#ifdef __cplusplus
}
#endif

#endif
