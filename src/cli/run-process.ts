/** Joins the command line to this process: its streams, its signals, its exit code. */

import { styleText } from 'node:util'
import { exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'
import { runCommandLine } from './program.ts'

export async function runProcess(): Promise<void> {
  // A reader that left (`holdfast models | head -1`) is no reason to complain.
  process.stdout.on('error', ignoreBrokenPipe)
  process.stderr.on('error', ignoreBrokenPipe)
  try {
    const words = process.argv.slice(2)
    process.exitCode = await runCommandLine(words.length === 0 ? ['--help'] : words, processIo)
  } catch (error) {
    process.stderr.write(`holdfast failed: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = exitCodes.failed
  }
}

const processIo: CliIo = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  // Node itself looks whether the stream is a terminal, and at NO_COLOR and FORCE_COLOR.
  style: (style, text) => styleText(style, text, { stream: process.stdout }),
  env: process.env,
  directory: process.cwd(),
  signals: process,
}

function ignoreBrokenPipe(error: Error): void {
  if ('code' in error && error.code === 'EPIPE') process.exit(exitCodes.ok)
  throw error
}
