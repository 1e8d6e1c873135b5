/**
 * The promise in one table: whatever becomes of the primary before its first token, with a fallback of the other
 * dialect every client of either dialect gets its whole answer, streamed or not.
 */

import { describe, expect, test } from 'vitest'
import { combinations, expectWhole, openBench, otherDialect, patience } from '../support/upstreams.ts'

const BACKUP_TEXT = 'The backup answers in full: ünïcödé 😀, "quotes" and\nlines.'

/** Every way in which the primary fails, and how often it may be asked before the fallback is. */
const failures = [
  { fault: 'status-503', callsMax: 2, code: 'upstream_unavailable' },
  { fault: 'reset-before-head', callsMax: 2, code: 'upstream_reset' },
  { fault: 'silent', callsMax: 1, code: 'upstream_timeout' },
  { fault: 'html(status=502)', callsMax: 2, code: 'upstream_error' },
  { fault: 'html(status=200)', callsMax: 2, code: 'upstream_bad_response' },
]

/** What only a stream can do before its first token. */
const streamFailures = [
  { fault: 'never-first-token', callsMax: 1, code: 'upstream_timeout' },
  { fault: 'only-pings(everyMs=50)', callsMax: 1, code: 'upstream_timeout' },
  { fault: 'reset-after-start', callsMax: 2, code: 'upstream_truncated' },
  { fault: 'error-before-content(error=overloaded)', callsMax: 1, code: 'upstream_overloaded' },
]

/** What breaks an answer in the middle: nothing of it has reached a client that waits for the whole. */
const lateFailures = [
  { mode: 'fold', fault: 'cut-stream(token=3,by=rst)', callsMax: 2, code: 'upstream_truncated' },
  { mode: 'fold', fault: 'cut-stream(token=3,by=fin)', callsMax: 2, code: 'upstream_truncated' },
  { mode: 'fold', fault: 'cut-stream(token=3,by=chunk-abort)', callsMax: 2, code: 'upstream_truncated' },
  { mode: 'fold', fault: 'stall(token=3,ms=0)', callsMax: 1, code: 'upstream_timeout' },
  { mode: 'fold', fault: 'no-finish', callsMax: 2, code: 'upstream_truncated' },
  { mode: 'fold', fault: 'error-after-content(token=3,error=server)', callsMax: 2, code: 'upstream_error' },
  { mode: 'plain', fault: 'cut-body(byte=50,by=rst)', callsMax: 2, code: 'upstream_truncated' },
  { mode: 'plain', fault: 'cut-body(byte=50,by=end)', callsMax: 2, code: 'upstream_bad_response' },
  { mode: 'plain', fault: 'slow-body(everyMs=10000)', callsMax: 1, code: 'upstream_timeout' },
] as const

const rows = [
  ...failures.flatMap((failure) => combinations().map((one) => ({ ...failure, ...one }))),
  ...streamFailures.flatMap((failure) =>
    combinations({ modes: ['stream', 'fold'] }).map((one) => ({ ...failure, ...one })),
  ),
  ...lateFailures.flatMap(({ mode, ...failure }) =>
    combinations({ modes: [mode] }).map((one) => ({ ...failure, ...one })),
  ),
]

describe.concurrent('a primary that fails before its first token, or at any time where nothing was sent yet, with a fallback of the other dialect', () => {
  test.for(rows)(
    '$fault from $target: $client $mode gets the whole answer',
    async ({ fault, callsMax, code, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: [fault], ...patience(code) },
          backup: { dialect: otherDialect(target), text: BACKUP_TEXT },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, BACKUP_TEXT)
      expect(answer.headers.get('x-holdfast-target')).toBe('backup/m')
      const primaryCalls = bench.calls('primary').length
      expect(primaryCalls).toBeGreaterThan(0)
      expect(primaryCalls).toBeLessThanOrEqual(callsMax)
      expect(bench.calls('backup')).toHaveLength(1)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'completed', target: 'backup/m', status: 200, route: 'smart' })
      expect(attempts.map(({ target: id, outcome }) => `${id} ${outcome}`)).toEqual([
        ...Array.from({ length: primaryCalls }, () => 'primary/m failed'),
        'backup/m completed',
      ])
      expect(attempts[0]?.code).toBe(code)
    },
  )
})
