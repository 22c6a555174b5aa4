"""Runs a program whose file descriptor 3 is a new pseudo terminal: with_pty.py PROGRAM [ARGUMENT ...].

The program's last argument is the path by which others open the terminal. Its other end stays open in the program, so
that hosts may come and go.
"""

import os
import sys
import tty

UART = 3


def main() -> None:
    """Become the program."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_inheritable(slave, True)
    if master != UART:
        if slave == UART:
            slave = os.dup(slave)
            os.set_inheritable(slave, True)
        os.dup2(master, UART)
        os.close(master)
    os.set_inheritable(UART, True)
    os.set_blocking(UART, False)
    os.execvp(sys.argv[1], [*sys.argv[1:], os.ttyname(slave)])


if __name__ == "__main__":
    main()
