/* What the RP2350's boot ROM looks for in the first 4 KB of flash: a block that says that this is a program for the
 * Arm cores in the Secure state (RP2350 datasheet, section 5.9.5.1). The ROM maps flash by itself, and starts the
 * program by the vectors at its start. */
#include <stdint.h>

extern const uint32_t boot_block[5];
__attribute__((section(".boot_block"), used)) const uint32_t boot_block[5] = {
    0xFFFFDED3u, /* a block starts */
    0x10210142u, /* image type: executable, Arm, Secure, RP2350 */
    0x000001FFu, /* last item, of one word */
    0x00000000u, /* no further block: the next is this one */
    0xAB123579u, /* it ends */
};
