// Compares runners/thumb.mjs with rp2040js, instruction by instruction: every opcode in random states of the core.
//
// Arguments: the folder of rp2040js, thumb.mjs, how many states for each opcode. Prints one JSON object: `run`, how many
// instructions thumb.mjs executed itself; `opcodes`, how many of the 65,536 it did at least once; `different`, the first
// few that did not leave what rp2040js leaves.
import path from 'node:path';
import { createRequire } from 'node:module';

const [folder, thumb, rounds] = process.argv.slice(2);
const { RP2040, ConsoleLogger, LogLevel } = createRequire(path.join(folder, 'x.js'))('rp2040js');
const { quick } = await import(thumb);
const RAM = 0x20000000;
const FLASH = 0x10000000;
const EDGES = [0, 1, 31, 32, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

let state = 20261120;
function random(below) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Knuth's linear congruential generator
    return Math.floor((state / 2 ** 32) * below);
}

function anything(size) {
    switch (random(4)) {
        case 0:
            return EDGES[random(EDGES.length)];
        case 1:
            return RAM + random(size) * (random(2) ? 4 : 1);
        case 2:
            return FLASH + random(1000);
        default:
            return random(2) ? random(200) : random(2 ** 32);
    }
}

const chips = [new RP2040(), new RP2040()];
for (const chip of chips) {
    chip.logger = new ConsoleLogger(LogLevel.Error + 1, false);
}
const [ours, theirs] = chips;
const run = quick(ours);
for (let at = 0; at < 1000; ++at) {
    ours.flash[at] = theirs.flash[at] = random(256);
}
for (let at = 0; at < ours.sram.length; ++at) {
    ours.sram[at] = theirs.sram[at] = random(256);
}

function seen(chip) {
    const { core } = chip;
    return JSON.stringify([[...core.registers], core.N, core.Z, core.C, core.V, core.cycles]);
}

const told = { run: 0, opcodes: 0, different: [] };
for (let opcode = 0; opcode < 65536 && told.different.length < 10; ++opcode) {
    let isDone = false;
    for (let round = 0; round < Number(rounds); ++round) {
        const at = 0x10000 + 2 * random(0x10000);
        const registers = Array.from({ length: 15 }, () => anything(0x8000));
        const flags = [0, 1, 2, 3].map(() => random(2) === 1);
        for (const { core, sram } of chips) {
            sram[at] = opcode & 0xff;
            sram[at + 1] = opcode >> 8;
            core.registers.set([...registers, RAM + at]);
            core.SP = registers[13];
            [core.N, core.Z, core.C, core.V] = flags;
            core.waiting = core.interruptsUpdated = core.pendingSVCall = false;
            core.cycles = 0;
        }
        const before = seen(ours);
        run(1);
        if (ours.core.cycles === 0) {
            if (seen(ours) !== before) {
                told.different.push(opcode);
            }
            continue;
        }
        theirs.core.executeInstruction();
        told.run++;
        isDone = true;
        if (seen(ours) !== seen(theirs)) {
            told.different.push([opcode, before, seen(ours), seen(theirs)]);
        }
    }
    told.opcodes += isDone ? 1 : 0;
    if (opcode % 512 === 511 && Buffer.compare(ours.sram, theirs.sram) !== 0) {
        told.different.push(`memory, up to opcode ${opcode}`);
    }
}
console.log(JSON.stringify(told));
