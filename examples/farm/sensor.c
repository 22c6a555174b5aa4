/* The farm's sensors: a row every half hour into the ring of model_values.h, an answer every six hours.
 *
 * Here the rows are replayed from replay.h, as fast as they are read. On a field read_probes() asks the three probes,
 * whenever the half hour is over, for what the training data hold: percent, degrees C, percent. */
#include "model.h"
#include "model_values.h"
#include "replay.h"
#include "serve.h"
#include "uart.h"

#define ROWS_BETWEEN_ANSWERS 12

static model_window window;

static int read_probes(float row[MODEL_WINDOW_CHANNELS]) {
    static uint16_t next;
    if (next == REPLAY_ROWS) {
        return 0;
    }
    for (int i = 0; i < MODEL_WINDOW_CHANNELS; ++i) {
        row[i] = replay[next][i];
    }
    ++next;
    return 1;
}

int tinykit_read_input(void) {
    float row[MODEL_WINDOW_CHANNELS];
    while (read_probes(row) != 0) {
        if (model_window_add(&window, row, ROWS_BETWEEN_ANSWERS) != 0) {
            model_window_read(&window, model_input());
            return 1;
        }
    }
    return 0;
}

static void print_text(const char *text) {
    while (*text != '\0') {
        uart_put((uint8_t)*text++);
    }
}

static void print_number(int value) {
    const unsigned size = value < 0 ? 0u - (unsigned)value : (unsigned)value;
    if (value < 0) {
        uart_put('-');
    }
    if (size >= 100u) {
        uart_put((uint8_t)('0' + size / 100u));
    }
    if (size >= 10u) {
        uart_put((uint8_t)('0' + size / 10u % 10u));
    }
    uart_put((uint8_t)('0' + size % 10u));
}

/* On a field the valve is opened here; now a line says the answer and the three scores. */
void tinykit_use_output(void) {
    static const char *const answers[3] = {"wait", "irrigate", "sensor fault"};
    const int8_t *scores = model_output();
    int best = 0;
    for (int i = 1; i < 3; ++i) {
        best = scores[i] > scores[best] ? i : best;
    }
    print_text(answers[best]);
    print_text(":");
    for (int i = 0; i < 3; ++i) {
        print_text(" ");
        print_number(scores[i]);
    }
    print_text("\r\n");
}
