/** A row of faults.md as a value, and the two tests that most rows come to: a fallback answers; alone, the client is refused. */

import { describe, expect, test } from 'vitest'
import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import {
  type Combination,
  combinations,
  expectRefused,
  expectWhole,
  openBench,
  otherDialect,
  patience,
} from './upstreams.ts'

export interface FaultRow {
  /** Its number in faults.md. */
  readonly row: number
  /** The simulator's fault, as it is written. */
  readonly fault: string
  /** Calls the primary sees: beside a fallback, and alone. */
  readonly calls: { readonly beside: number; readonly alone: number }
  /** Of every failed attempt. */
  readonly code: string
  /** What a client is told when nobody else is there. */
  readonly status: number
  readonly shouldRetry: boolean
  /** Whether a failed attempt may have cost something. */
  readonly cost: 'none' | 'unknown' | 'reported'
  /** The combinations it can befall; by default a few that show every client, mode and dialect once. */
  readonly combinations?: readonly Combination<TargetDialectId>[]
}

/** Every client, streamed and not, and every dialect of a target; the matrix test crosses the first two dialects whole. */
export const SOME_COMBINATIONS: readonly Combination<TargetDialectId>[] = [
  { client: 'openai-chat', mode: 'stream', target: 'openai-chat' },
  { client: 'anthropic-messages', mode: 'plain', target: 'openai-chat' },
  { client: 'openai-chat', mode: 'fold', target: 'anthropic-messages' },
  { client: 'anthropic-messages', mode: 'stream', target: 'anthropic-messages' },
  { client: 'openai-responses', mode: 'stream', target: 'openai-responses' },
  { client: 'openai-responses', mode: 'plain', target: 'ollama-chat' },
  { client: 'gemini', mode: 'stream', target: 'bedrock-converse' },
  { client: 'gemini', mode: 'plain', target: 'gemini' },
  { client: 'openai-chat', mode: 'stream', target: 'cohere-chat' },
]

/** The combinations whose upstream call is a stream, or is not. */
export const STREAMED: readonly Combination[] = combinations({ modes: ['stream', 'fold'] })
export const UNSTREAMED: readonly Combination[] = combinations({ modes: ['plain'] })

const BACKUP_TEXT = 'The backup says this.'

export function testFaultRows(rows: readonly FaultRow[]): void {
  const cases = rows.flatMap((row) =>
    (row.combinations ?? SOME_COMBINATIONS).map((combination) => ({ ...row, ...combination })),
  )

  describe.concurrent('beside a fallback', () => {
    test.for(cases)(
      'fault $row: $fault from $target: $client $mode gets its whole answer',
      async ({ fault, calls, code, cost, client, mode, target }) => {
        await using bench = await openBench({
          upstreams: {
            primary: { dialect: target, faults: [fault], ...patience(code) },
            backup: { dialect: otherDialect(target), text: BACKUP_TEXT },
          },
        })
        const answer = await bench.ask({ client, mode })
        expectWhole(answer, BACKUP_TEXT)
        expect(bench.calls('primary')).toHaveLength(calls.beside)
        expect(bench.calls('backup')).toHaveLength(1)
        const { exchange, attempts } = await bench.recordOf(answer)
        expect(exchange).toMatchObject({ state: 'completed', target: 'backup/m' })
        expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, index) => index + 1))
        const failed = attempts.slice(0, -1)
        expect(failed).toHaveLength(calls.beside)
        for (const attempt of failed) {
          expect(attempt).toMatchObject({
            target: 'primary/m',
            outcome: 'failed',
            code,
            usageSource: cost,
            isWaste: cost !== 'none',
          })
        }
        expect(attempts.at(-1)).toMatchObject({
          target: 'backup/m',
          outcome: 'completed',
          usageSource: 'reported',
          isWaste: false,
        })
      },
    )
  })

  describe.concurrent('alone', () => {
    test.for(cases)(
      'fault $row: $fault from $target: $client $mode is told $status $code',
      async ({ fault, calls, code, cost, status, shouldRetry, client, mode, target }) => {
        await using bench = await openBench({
          upstreams: { primary: { dialect: target, faults: [fault], ...patience(code) } },
        })
        const answer = await bench.ask({ client, mode })
        expectRefused(answer, { status, code, shouldRetry })
        expect(bench.calls('primary')).toHaveLength(calls.alone)
        expect(answer.error?.attempts).toHaveLength(calls.alone)
        const { exchange, attempts } = await bench.recordOf(answer)
        expect(exchange).toMatchObject({ state: 'failed', code, status, attempts: calls.alone })
        expect(attempts.map((attempt) => attempt.code)).toEqual(Array.from(attempts, () => code))
        expect(attempts.map((attempt) => attempt.usageSource)).toEqual(Array.from(attempts, () => cost))
        expect(attempts).toHaveLength(calls.alone)
      },
    )
  })
}
