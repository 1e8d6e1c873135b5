/** Joins the command line to this process: its streams, its signals, its exit code. */

import inspector from 'node:inspector'
import { styleText } from 'node:util'
import { exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'
import { runCommandLine } from './program.ts'

/** How long the last words may take to be read, ms. */
const LINGER_MS = 2_000

/** Long, and yet a timer that can be set, ms. */
const KEEP_ALIVE_MS = 3_600_000

export async function runProcess(): Promise<void> {
  // A reader that left (`holdfast models | head -1`) is no reason to complain, and none to stop serving (fault 140).
  process.stdout.on('error', ignoreBrokenPipe)
  process.stderr.on('error', ignoreBrokenPipe)
  try {
    const words = process.argv.slice(2)
    process.exitCode = await runCommandLine(words.length === 0 ? ['--help'] : words, processIo)
  } catch (error) {
    process.stderr.write(`holdfast failed: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = exitCodes.failed
  }
  // Nothing is left to do: a standard output that nobody reads must not keep the process from ending.
  setTimeout(() => process.exit(), LINGER_MS).unref()
}

const processIo: CliIo = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  readIn: readStandardInput,
  // Node itself looks whether the stream is a terminal, and at NO_COLOR and FORCE_COLOR.
  style: (style, text) => styleText(style, text, { stream: process.stdout }),
  env: process.env,
  directory: process.cwd(),
  signals: process,
  keepAlive() {
    const timer = setInterval(() => undefined, KEEP_ALIVE_MS)
    return () => clearInterval(timer)
  },
  faults: process,
  inspectorUrl: () => inspector.url(),
}

async function readStandardInput(lengthMax: number): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > lengthMax) break
  }
  return text.slice(0, lengthMax)
}

function ignoreBrokenPipe(error: Error): void {
  if (!('code' in error && error.code === 'EPIPE')) throw error
}
