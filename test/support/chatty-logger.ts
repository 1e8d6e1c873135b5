/** Logs to standard output as fast as it can and tells on standard error how that went: run by a test that blocks or closes the pipe. */

import { writeSync } from 'node:fs'
import { systemClock } from '../../src/std/clock.ts'
import { createLogWriter } from '../../src/telemetry/log-writer.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'

const LINES = 20_000
const telemetry = createTelemetry()
const log = createLogWriter({ telemetry, clock: systemClock })
let longestTurnMs = 0
for (let line = 0; line < LINES; line += 100) {
  const beganAtMs = performance.now()
  for (let count = 0; count < 100; count += 1) {
    telemetry.notices.publish({
      level: 'info',
      name: 'chatter',
      message: 'x'.repeat(200),
      facts: { line: line + count },
    })
  }
  await new Promise((resolve) => setImmediate(resolve))
  longestTurnMs = Math.max(longestTurnMs, performance.now() - beganAtMs)
}
await log.close(200)
writeSync(2, `${JSON.stringify({ droppedLines: log.droppedLines, longestTurnMs })}\n`)
// What still waits in a pipe nobody reads would keep the process.
process.exit(0)
