/* An AVR board: simavr's chip, its USART 0 on a terminal, and control over a socket.
 *
 * Arguments: the chip's name, its clock in Hz, a binary image of its flash, the socket's path, the terminal's path;
 * the terminal itself is file descriptor 3. The socket speaks the few commands of the QEMU Machine Protocol (QEMU
 * documentation, "QMP") that tinykit sends to emulators, one JSON object a line. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>

#define UART 3
#define LISTEN_CYCLES 4000 /* between two looks at terminal and socket */
#define IDLE_MS 50
#define DIGEST_CYCLES 200000u /* after which a chip that sleeps has taken in all bytes that it was given */

static avr_t *avr;
static avr_irq_t *input;
static uint8_t waiting[4096]; /* bytes for the chip */
static size_t first, last;
static int has_room; /* in the chip's receiver */
static avr_cycle_count_t fed_at;
static int listener, client = -1;
static char line[1024];
static size_t line_length;
static const char *terminal;
static int is_released;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void sent(struct avr_irq_t *irq, uint32_t value, void *unused) {
    const uint8_t byte = (uint8_t)value;
    (void)irq;
    (void)unused;
    while (write(UART, &byte, 1) != 1) {
        struct pollfd room = {UART, POLLOUT, 0};
        if (errno != EAGAIN && errno != EINTR) {
            die("terminal");
        }
        if (poll(&room, 1, 1000) == 0) {
            return; /* nobody reads: the byte is lost, as on a line */
        }
    }
}

static void feed(void) {
    while (has_room && first != last) {
        avr_raise_irq(input, waiting[first++]);
        fed_at = avr->cycle;
    }
}

static void room(struct avr_irq_t *irq, uint32_t value, void *unused) {
    (void)irq;
    (void)unused;
    if (value != 0u && !has_room) {
        has_room = 1;
    }
}

static void full(struct avr_irq_t *irq, uint32_t value, void *unused) {
    (void)irq;
    (void)unused;
    if (value != 0u) {
        has_room = 0;
    }
}

static void answer(const char *text) {
    const size_t length = strlen(text);
    if (send(client, text, length, MSG_NOSIGNAL) != (ssize_t)length) {
        close(client);
        client = -1;
    }
}

static void obey(const char *request) {
    if (strstr(request, "\"query-chardev\"") != NULL) {
        char text[512];
        (void)snprintf(text, sizeof text, "{\"return\": [{\"filename\": \"pty:%s\"}]}\n", terminal);
        answer(text);
    } else if (strstr(request, "\"qmp_capabilities\"") != NULL || strstr(request, "\"x-exit-preconfig\"") != NULL) {
        answer("{\"return\": {}}\n");
    } else if (strstr(request, "\"cont\"") != NULL) {
        is_released = 1;
        answer("{\"return\": {}}\n");
    } else if (strstr(request, "\"system_reset\"") != NULL) {
        avr_reset(avr);
        answer("{\"return\": {}}\n");
    } else if (strstr(request, "\"quit\"") != NULL) {
        answer("{\"return\": {}}\n");
        exit(0);
    } else {
        answer("{\"error\": {\"desc\": \"unknown command\"}}\n");
    }
}

static void read_client(void) {
    const ssize_t count = recv(client, line + line_length, sizeof line - 1u - line_length, 0);
    if (count <= 0 || line_length + (size_t)count == sizeof line - 1u) {
        close(client);
        client = -1;
        return;
    }
    line_length += (size_t)count;
    line[line_length] = '\0';
    for (char *end = strchr(line, '\n'); end != NULL && client >= 0; end = strchr(line, '\n')) {
        *end = '\0';
        obey(line);
        line_length -= (size_t)(end + 1 - line);
        memmove(line, end + 1, line_length + 1u);
    }
}

/* Looks at terminal and socket, for at most `ms`. */
static void look(int ms) {
    struct pollfd waits[2] = {{client >= 0 ? client : listener, POLLIN, 0}, {UART, POLLIN, 0}};
    if (first == last) {
        first = last = 0;
    }
    const nfds_t count = is_released && last < sizeof waiting ? 2 : 1; /* a chip that is not on hears nothing */
    if (poll(waits, count, ms) <= 0) {
        return;
    }
    if (waits[0].revents != 0 && client >= 0) {
        read_client();
    } else if (waits[0].revents != 0) {
        client = accept(listener, NULL, NULL);
        line_length = 0;
        if (client >= 0) {
            answer("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n");
        }
    }
    if (count == 2 && waits[1].revents != 0) {
        const ssize_t got = read(UART, waiting + last, sizeof waiting - last);
        last += got > 0 ? (size_t)got : 0u;
    }
}

/* The chip sleeps: its time passes at once, but for when nothing is left that could wake it. */
static void asleep(avr_t *chip, avr_cycle_count_t cycles) {
    (void)chip;
    (void)cycles;
    look(first == last && avr->cycle - fed_at > DIGEST_CYCLES ? IDLE_MS : 0);
    feed();
}

static void load(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        die(path);
    }
    memset(avr->flash, 0xFF, avr->flashend + 1u);
    (void)fread(avr->flash, 1, avr->flashend + 1u, file);
    fclose(file);
    avr->codeend = avr->flashend;
}

static void listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(address.sun_path, path);
    (void)unlink(path);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4) != 0) {
        die(path);
    }
}

static void connect_uart(void) {
    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POOL_SLEEP);
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), sent, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), room, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), full, NULL);
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: simavr CHIP HZ IMAGE SOCKET TERMINAL\n");
        return 2;
    }
    avr = avr_make_mcu_by_name(arguments[1]);
    if (avr == NULL) {
        return 1;
    }
    avr_init(avr);
    avr->frequency = (uint32_t)strtoul(arguments[2], NULL, 10);
    avr->log = LOG_ERROR;
    avr->sleep = asleep;
    load(arguments[3]);
    connect_uart();
    terminal = arguments[5];
    listen_at(arguments[4]);
    while (!is_released) {
        look(-1);
    }
    for (;;) {
        const avr_cycle_count_t from = avr->cycle;
        while (avr->cycle - from < LISTEN_CYCLES) {
            const int state = avr_run(avr);
            if (state == cpu_Done || state == cpu_Crashed) {
                fprintf(stderr, "the chip stopped at PC 0x%x\n", (unsigned)avr->pc);
                return 1;
            }
        }
        look(0);
        feed();
    }
}
