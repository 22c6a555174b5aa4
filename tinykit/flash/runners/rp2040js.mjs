// A Raspberry Pi Pico: rp2040js's chip, its UART 0 on a terminal, and control over a socket.
//
// Arguments: the folder of rp2040js, a UF2 file, the socket's path, the terminal's path; the terminal itself is file
// descriptor 3. The socket speaks the few commands of the QEMU Machine Protocol (QEMU documentation, "QMP") that tinykit
// sends to emulators, one JSON object a line. There is no boot ROM: what it does with a program in flash (RP2040
// datasheet, section 2.8.1) is done here.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createRequire } from 'node:module';
import { quick } from './thumb.mjs';

const [folder, program, socket, terminal] = process.argv.slice(2);
const { RP2040, ConsoleLogger, LogLevel } = createRequire(path.join(folder, 'x.js'))('rp2040js');

const UART = 3;
const SLICE_CYCLES = 20000; // between two looks at the terminal
const BYTE_CYCLES = 1000; // between two bytes that arrive: faster than a real line, and still easy for the chip
const NANOS_A_SECOND = 1e9;
const BUSY_MS = 20; // between two looks at the socket
const IDLE_MS = 5;
const AWAKE_MS = 100; // after the last byte from the host the terminal is looked at more often

const FLASH = 0x10000000;
const BOOT_BYTES = 256;
const BOOT_COPY = 0x20041f00; // where the boot ROM copies the second stage to
const FIFO_BYTES = 32;
const AIRCR = 0xd0c;
const RESET_REQUEST = 0x05fa0004;

// CRC-32 of the boot ROM: polynomial 0x04C11DB7, not reflected, from all ones (RP2040 datasheet, section 2.8.1.3.1).
function checksum(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte << 24;
        for (let bit = 0; bit < 8; bit++) {
            crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
        }
    }
    return crc >>> 0;
}

// Blocks of 512 bytes with their address at 12, their size at 16 and data from 32 on (Microsoft's UF2 specification).
function flashImage(file) {
    const data = fs.readFileSync(file);
    const image = new Uint8Array(2 << 20).fill(0xff);
    for (let at = 0; at + 512 <= data.length; at += 512) {
        const size = data.readUInt32LE(at + 16);
        image.set(data.subarray(at + 32, at + 32 + size), data.readUInt32LE(at + 12) - FLASH);
    }
    return image;
}

const image = flashImage(program);
const boot = Buffer.from(image.buffer, 0, BOOT_BYTES);
if (checksum(boot.subarray(0, BOOT_BYTES - 4)) !== boot.readUInt32LE(BOOT_BYTES - 4)) {
    console.error('the second boot stage has a wrong checksum: the boot ROM would not start this program');
    process.exit(1);
}

const toChip = [];
let toHost = [];
let chip;
let runFrequent;
let heardAt = 0;
let isReleased = false;
let wantsReset = false;

function powerOn() {
    chip = new RP2040();
    runFrequent = quick(chip);
    chip.logger = new ConsoleLogger(LogLevel.Error, false);
    chip.flash.set(image);
    chip.sram.set(boot, BOOT_COPY - 0x20000000);
    chip.core.PC = BOOT_COPY;
    chip.uart[0].onByte = (byte) => toHost.push(byte);
    const write = chip.ppb.writeUint32.bind(chip.ppb);
    chip.ppb.writeUint32 = (offset, value) => {
        if (offset === AIRCR) {
            wantsReset = value >>> 0 === RESET_REQUEST;
        } else {
            write(offset, value);
        }
    };
    wantsReset = false;
}

// Gives the chip a byte that waits, if it has room for it.
function feed() {
    const uart = chip.uart[0];
    const room = uart.fifosEnabled ? FIFO_BYTES : 1;
    if (toChip.length > 0 && uart.rxEnabled && uart.enabled && uart.rxFIFO.itemCount < room) {
        uart.feedByte(toChip.shift());
    }
}

// Runs the chip until it has `until` cycles, its clock has an alarm, or an instruction that is not frequent is done.
function advance(until) {
    const { core, clock } = chip;
    const from = core.cycles;
    if (!core.interruptsUpdated) {
        const alarm = clock.nextAlarm ? Math.ceil((clock.nanosToNextAlarm * chip.clkSys) / NANOS_A_SECOND) : Infinity;
        runFrequent(Math.min(until, from + alarm));
    }
    if (core.cycles === from) {
        core.executeInstruction();
    }
    clock.tick(((core.cycles - from) * NANOS_A_SECOND) / chip.clkSys);
}

// Runs the chip for a slice of its time; whether it has anything to do after it.
function run() {
    const { core } = chip;
    const end = core.cycles + SLICE_CYCLES;
    let next = core.cycles;
    while (core.cycles < end && !wantsReset) {
        if (core.cycles >= next) {
            feed();
            next += BYTE_CYCLES;
        }
        if (core.waiting) {
            return false;
        }
        advance(Math.min(end, next));
    }
    if (wantsReset) {
        speak();
        powerOn();
    }
    return true;
}

function hear() {
    if (toChip.length === 0) {
        const some = Buffer.alloc(4096);
        try {
            toChip.push(...some.subarray(0, fs.readSync(UART, some)));
            heardAt = Date.now();
        } catch (error) {
            if (error.code !== 'EAGAIN') {
                throw error;
            }
        }
    }
}

function speak() {
    if (toHost.length > 0) {
        try {
            toHost = toHost.slice(fs.writeSync(UART, Buffer.from(toHost)));
        } catch (error) {
            if (error.code !== 'EAGAIN') {
                throw error;
            }
        }
    }
}

function live() {
    const until = Date.now() + BUSY_MS;
    let isBusy = true;
    while (isBusy && Date.now() < until) {
        hear();
        isBusy = run() || toChip.length > 0;
        speak();
    }
    if (isBusy) {
        setImmediate(live);
    } else {
        setTimeout(live, Date.now() - heardAt < AWAKE_MS ? 1 : IDLE_MS);
    }
}

const COMMANDS = {
    qmp_capabilities: () => ({}),
    'x-exit-preconfig': () => ({}),
    'query-chardev': () => [{ filename: `pty:${terminal}` }],
    cont: () => {
        if (!isReleased) {
            isReleased = true;
            setImmediate(live);
        }
        return {};
    },
    system_reset: () => {
        powerOn();
        return {};
    },
    quit: () => {
        setTimeout(() => process.exit(0), 1);
        return {};
    },
};

function obey(text) {
    let request;
    try {
        request = JSON.parse(text);
    } catch {
        request = {};
    }
    return Object.hasOwn(COMMANDS, request.execute)
        ? { return: COMMANDS[request.execute]() }
        : { error: { desc: 'unknown command' } };
}

powerOn();
fs.rmSync(socket, { force: true });
net.createServer((client) => {
    let text = '';
    client.on('error', () => {});
    client.write('{"QMP": {"version": {}, "capabilities": []}}\n');
    client.on('data', (data) => {
        const lines = (text + data).split('\n');
        text = lines.pop();
        for (const line of lines) {
            client.write(JSON.stringify(obey(line)) + '\n');
        }
    });
}).listen(socket);
