/* An Arduino Uno in its boot loader: simavr's ATmega328P behind a pseudo terminal. The chip is reset (as a host's DTR
 * does it on the real board) when the first byte arrives, and its flash is written to a file at the end of input,
 * from which it was read where that was there. Arguments: the boot loader as a binary image, and the file for the
 * flash. Prints the terminal's path. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_io.h>

#define BOOT_LOADER 0x7E00u /* the last 512 bytes of flash */
#define BYTE_CYCLES 1389u   /* of one byte at 115,200 baud */
#define HOST_HZ 8e6 /* half as fast as real: a busy host, too, is there before the boot loader's second is over */
#define LISTENING_CYCLES 1600000u /* 100 ms after its reset the boot loader has its UART on */

static int terminal;
static int is_ready = 1; /* the chip takes another byte */

static void sent(struct avr_irq_t *irq, uint32_t value, void *unused) {
    const uint8_t byte = (uint8_t)value;
    (void)irq;
    (void)unused;
    if (write(terminal, &byte, 1) != 1) {
        exit(1);
    }
}

static void ready(struct avr_irq_t *irq, uint32_t value, void *unused) {
    (void)irq;
    (void)unused;
    is_ready = is_ready || value != 0u;
}

static void full(struct avr_irq_t *irq, uint32_t value, void *unused) {
    (void)irq;
    (void)unused;
    is_ready = is_ready && value == 0u;
}

/* A chip that sleeps lets its time pass; main sees to it that it is no faster than real. */
static void asleep(avr_t *avr, avr_cycle_count_t cycles) {
    (void)avr;
    (void)cycles;
}

static int open_terminal(void) {
    struct termios settings;
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        exit(1);
    }
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY); /* stays open, so that hosts may come and go */
    if (slave < 0 || tcgetattr(slave, &settings) != 0) {
        exit(1);
    }
    cfmakeraw(&settings);
    tcsetattr(slave, TCSANOW, &settings);
    printf("%s\n", ptsname(master));
    fflush(stdout);
    return master;
}

/* Fills `size` bytes from the start of a file; whether something was there. */
static int load(const char *path, uint8_t *to, size_t size) {
    FILE *file = fopen(path, "rb");
    const size_t got = file != NULL ? fread(to, 1, size, file) : 0u;
    if (file != NULL) {
        fclose(file);
    }
    return got != 0u;
}

static avr_t *chip(const char *loader, const char *memory) {
    avr_t *avr = avr_make_mcu_by_name("atmega328p");
    if (avr == NULL) {
        exit(1);
    }
    avr_init(avr);
    avr->frequency = 16000000;
    avr->sleep = asleep;
    memset(avr->flash, 0xFF, avr->flashend + 1u);
    (void)load(memory, avr->flash, BOOT_LOADER);
    if (!load(loader, avr->flash + BOOT_LOADER, avr->flashend + 1u - BOOT_LOADER)) {
        exit(1);
    }
    avr->reset_pc = BOOT_LOADER;
    avr->codeend = avr->flashend;
    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POOL_SLEEP);
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), sent, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), ready, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), full, NULL);
    return avr;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int count, char **arguments) {
    if (count != 3) {
        return 2;
    }
    avr_t *avr = chip(arguments[1], arguments[2]);
    terminal = open_terminal();
    avr_irq_t *input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    struct pollfd waits[2] = {{terminal, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    int is_running = 0;
    double started = 0.0; /* when the chip's own time zero was */
    for (;;) {
        const int is_early = started + (double)avr->cycle / HOST_HZ > seconds();
        if (poll(waits, 2, is_running ? is_early : -1) > 0) {
            uint8_t byte;
            if (waits[1].revents != 0) {
                break;
            }
            if ((waits[0].revents & POLLIN) != 0 && !is_running) {
                avr_reset(avr);
                avr_regbit_set(avr, avr->reset_flags.extrf);
                is_running = 1;
                for (const avr_cycle_count_t from = avr->cycle; avr->cycle - from < LISTENING_CYCLES;) {
                    (void)avr_run(avr);
                }
                started = seconds() - (double)avr->cycle / HOST_HZ;
            }
            if ((waits[0].revents & POLLIN) != 0 && is_ready && read(terminal, &byte, 1) == 1) {
                avr_raise_irq(input, byte);
            }
        }
        for (const avr_cycle_count_t from = avr->cycle; is_running && !is_early && avr->cycle - from < BYTE_CYCLES;) {
            const int state = avr_run(avr);
            is_running = state != cpu_Done && state != cpu_Crashed;
        }
    }
    FILE *file = fopen(arguments[2], "wb");
    return file == NULL || fwrite(avr->flash, 1, 32768, file) != 32768 || fclose(file) != 0;
}
