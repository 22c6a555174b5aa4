/* What TFLM's objects refer to where something cannot go on: a trap, which the fault handler reports to the host. */
__attribute__((noreturn)) void __cxa_pure_virtual(void);
__attribute__((noreturn)) void abort(void);

void __cxa_pure_virtual(void) {
    __builtin_trap();
}

void abort(void) {
    __builtin_trap();
}
