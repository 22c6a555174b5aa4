/* The two calls that serve a model from an ecosystem's own main loop. */
#ifndef TINYKIT_H
#define TINYKIT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the serial port and the model. Returns 0; nonzero where the model cannot start. */
int tinykit_start(void);

/* One round: a byte of the host is taken, or else the sensor is asked. Nonzero if there was something to do. */
int tinykit_poll(void);

#ifdef __cplusplus
}
#endif

#endif
