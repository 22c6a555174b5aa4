// The instructions that programs spend their time in, quicker than rp2040js steps through them, and with its results.
//
// rp2040js finds each instruction by up to eighty comparisons. Here a table tells the frequent ones apart; whatever is
// not in it, and whatever touches more than flash and RAM, is left to rp2040js. Cycles are rp2040js's own: one, and one
// more for a branch that is taken or an access to memory. tests/flash/thumb_equal.mjs compares the two.
const FLASH = 0x10000000;
const RAM = 0x20000000;
const ELSEWHERE = -1;

// Encodings of ARMv6-M (Arm DDI 0419, chapter A5): how far to shift an opcode to see what it is, and that. The case with
// an encoding's number, counted from 1, is what it does.
const ENCODINGS = [
    [11, 0b00000], [11, 0b00001], [11, 0b00010], [9, 0b0001100], [9, 0b0001101], [9, 0b0001110], [9, 0b0001111],
    [11, 0b00100], [11, 0b00101], [11, 0b00110], [11, 0b00111], [6, 0b0100000000], [6, 0b0100000001], [6, 0b0100001100],
    [6, 0b0100001101], [6, 0b0100001010], [8, 0b01000101], [8, 0b01000110], [8, 0b01000100], [9, 0b0101011],
    [9, 0b0101110], [11, 0b01111], [9, 0b0101100], [11, 0b01101], [11, 0b10011], [11, 0b01001], [9, 0b0101010],
    [11, 0b01110], [9, 0b0101000], [11, 0b01100], [11, 0b10010], [12, 0b1101], [11, 0b11100], [6, 0b1011001001],
    [6, 0b1011001000], [6, 0b1011001011], [6, 0b1011001010], [6, 0b0100000101],
];
const MOVE = 18;
const ADD_ANY = 19;

function kindOf(opcode) {
    const kind = ENCODINGS.findIndex(([shift, code]) => opcode >> shift === code) + 1;
    const to = ((opcode >> 4) & 8) | (opcode & 7);
    const from = (opcode >> 3) & 15;
    const movesStackOrCounter = (kind === MOVE || kind === ADD_ANY) && (to >= 13 || from === 15);
    const isUndefinedOrCall = opcode >> 9 === 0b1101111;
    return movesStackOrCounter || isUndefinedOrCall ? 0 : kind;
}

const KINDS = Uint8Array.from({ length: 65536 }, (_, opcode) => kindOf(opcode));

// Whether the condition of a branch holds, "not" being its last bit (Arm DDI 0419, table A6-1).
function holds(condition, value, c, v) {
    let is = false;
    switch (condition >> 1) {
        case 0:
            is = value === 0;
            break;
        case 1:
            is = c;
            break;
        case 2:
            is = value < 0;
            break;
        case 3:
            is = v;
            break;
        case 4:
            is = c && value !== 0;
            break;
        case 5:
            is = value < 0 === v;
            break;
        default:
            is = value < 0 === v && value !== 0;
    }
    return is !== ((condition & 1) === 1);
}

// Returns run(end): executes frequent instructions until the core has `end` cycles or another instruction is next.
export function quick(chip) {
    const { core, flash, sram } = chip;
    const { registers: r } = core;
    const [flash16, sram16] = [flash, sram].map((memory) => new Uint16Array(memory.buffer));
    const [flash32, sram32] = [flash, sram].map((memory) => new Uint32Array(memory.buffer));
    const flashSize = flash.length;
    const ramSize = sram.length;

    function byteAt(address) {
        const ram = address - RAM;
        const rom = address - FLASH;
        return ram >= 0 && ram < ramSize ? sram[ram] : rom >= 0 && rom < flashSize ? flash[rom] : ELSEWHERE;
    }

    function halfAt(address) {
        const ram = address - RAM;
        const rom = address - FLASH;
        if (address & 1) {
            return ELSEWHERE;
        }
        return ram >= 0 && ram < ramSize ? sram16[ram >> 1] : rom >= 0 && rom < flashSize ? flash16[rom >> 1] : ELSEWHERE;
    }

    function wordAt(address) {
        const ram = address - RAM;
        const rom = address - FLASH;
        if (address & 3) {
            return ELSEWHERE;
        }
        return ram >= 0 && ram < ramSize ? sram32[ram >> 2] : rom >= 0 && rom < flashSize ? flash32[rom >> 2] : ELSEWHERE;
    }

    // Where in RAM an access of so many bytes is, or below 0.
    function inRam(address, bytes) {
        const ram = address - RAM;
        return ram >= 0 && ram < ramSize && (address & (bytes - 1)) === 0 ? ram : ELSEWHERE;
    }

    return function run(end) {
        if (core.N && core.Z) {
            return; // no result has both
        }
        let cycles = core.cycles;
        let value = core.N ? -1 : core.Z ? 0 : 1; // of which N and Z tell
        let c = core.C;
        let v = core.V;
        let pc = r[15] & ~1;
        let left = 0; // operands
        let right = 0;
        let found = 0; // in memory
        instructions: for (; cycles < end; ++cycles, pc += 2) {
            const opcode = halfAt(pc);
            const kind = opcode === ELSEWHERE ? 0 : KINDS[opcode];
            const low = opcode & 7;
            const middle = (opcode >> 3) & 7;
            const high = (opcode >> 6) & 7;
            const wide = (opcode >> 8) & 7;
            const imm5 = (opcode >> 6) & 31;
            const imm8 = opcode & 0xff;
            switch (kind) {
                case 1: // LSLS
                    left = r[middle];
                    value = left << imm5;
                    c = imm5 ? (left & (1 << (32 - imm5))) !== 0 : c;
                    r[low] = value;
                    break;
                case 2: // LSRS
                    left = r[middle];
                    value = imm5 ? (left >>> imm5) | 0 : 0;
                    c = ((left >>> (imm5 ? imm5 - 1 : 31)) & 1) !== 0;
                    r[low] = value;
                    break;
                case 3: // ASRS
                    left = r[middle];
                    value = left >> (imm5 || 31);
                    c = ((left >>> (imm5 ? imm5 - 1 : 31)) & 1) !== 0;
                    r[low] = value;
                    break;
                case 4: // ADDS
                case 6: // ADDS of 3 bits
                case 10: // ADDS of 8 bits
                case 38: // ADCS
                    left = r[kind === 10 ? wide : middle];
                    right = kind === 4 ? r[high] : kind === 6 ? high : kind === 10 ? imm8 : r[low] + (c ? 1 : 0);
                    value = (left + right) | 0;
                    c = left + right > 0xffffffff;
                    v = (~(left ^ right) & (left ^ value)) < 0;
                    r[kind === 10 ? wide : low] = value;
                    break;
                case 5: // SUBS
                case 7: // SUBS of 3 bits
                case 11: // SUBS of 8 bits
                    left = r[kind === 11 ? wide : middle];
                    right = kind === 5 ? r[high] : kind === 7 ? high : imm8;
                    value = (left - right) | 0;
                    c = left >= right;
                    v = ((left ^ right) & (left ^ value)) < 0;
                    r[kind === 11 ? wide : low] = value;
                    break;
                case 9: // CMP with 8 bits
                case 16: // CMP
                case 17: // CMP of any registers
                    left = r[kind === 9 ? wide : kind === 16 ? low : ((opcode >> 4) & 8) | low];
                    right = kind === 9 ? imm8 : r[kind === 16 ? middle : (opcode >> 3) & 15];
                    value = (left - right) | 0;
                    c = left >= right;
                    v = ((left ^ right) & (left ^ value)) < 0;
                    break;
                case 8: // MOVS of 8 bits
                    value = imm8;
                    r[wide] = value;
                    break;
                case 12: // ANDS
                    value = r[low] & r[middle];
                    r[low] = value;
                    break;
                case 13: // EORS
                    value = r[low] ^ r[middle];
                    r[low] = value;
                    break;
                case 14: // ORRS
                    value = r[low] | r[middle];
                    r[low] = value;
                    break;
                case 15: // MULS
                    value = Math.imul(r[low], r[middle]);
                    r[low] = value;
                    break;
                case 18: // MOV
                    r[((opcode >> 4) & 8) | low] = r[(opcode >> 3) & 15];
                    break;
                case 19: // ADD
                    r[((opcode >> 4) & 8) | low] += r[(opcode >> 3) & 15];
                    break;
                case 20: // LDRSB
                case 21: // LDRB
                case 22: // LDRB with an offset
                    found = byteAt((r[middle] + (kind === 22 ? imm5 : r[high])) >>> 0);
                    if (found === ELSEWHERE) {
                        break instructions;
                    }
                    r[low] = kind === 20 ? (found << 24) >> 24 : found;
                    ++cycles;
                    break;
                case 23: // LDR
                case 24: // LDR with an offset
                    found = wordAt((r[middle] + (kind === 24 ? imm5 << 2 : r[high])) >>> 0);
                    if (found === ELSEWHERE) {
                        break instructions;
                    }
                    r[low] = found;
                    ++cycles;
                    break;
                case 25: // LDR from the stack
                case 26: // LDR from beside the program
                    found = wordAt((kind === 25 ? r[13] : (pc + 4) & ~3) + (imm8 << 2));
                    if (found === ELSEWHERE) {
                        break instructions;
                    }
                    r[wide] = found;
                    ++cycles;
                    break;
                case 27: // STRB
                case 28: // STRB with an offset
                    found = inRam((r[middle] + (kind === 28 ? imm5 : r[high])) >>> 0, 1);
                    if (found === ELSEWHERE) {
                        break instructions;
                    }
                    sram[found] = r[low];
                    ++cycles;
                    break;
                case 29: // STR
                case 30: // STR with an offset
                    found = inRam((r[middle] + (kind === 30 ? imm5 << 2 : r[high])) >>> 0, 4);
                    if (found === ELSEWHERE) {
                        break instructions;
                    }
                    sram32[found >> 2] = r[low];
                    ++cycles;
                    break;
                case 31: // STR to the stack
                    found = inRam(r[13] + (imm8 << 2), 4);
                    if (found === ELSEWHERE) {
                        break instructions;
                    }
                    sram32[found >> 2] = r[wide];
                    ++cycles;
                    break;
                case 32: // B where a condition holds
                    if (holds((opcode >> 8) & 15, value, c, v)) {
                        pc += ((opcode << 24) >> 23) + 2;
                        ++cycles;
                    }
                    break;
                case 33: // B
                    pc += ((opcode << 21) >> 20) + 2;
                    ++cycles;
                    break;
                case 34: // SXTB
                    r[low] = (r[middle] << 24) >> 24;
                    break;
                case 35: // SXTH
                    r[low] = (r[middle] << 16) >> 16;
                    break;
                case 36: // UXTB
                    r[low] = r[middle] & 0xff;
                    break;
                case 37: // UXTH
                    r[low] = r[middle] & 0xffff;
                    break;
                default:
                    break instructions;
            }
        }
        r[15] = pc;
        core.cycles = cycles;
        core.N = value < 0;
        core.Z = value === 0;
        core.C = c;
        core.V = v;
    };
}
