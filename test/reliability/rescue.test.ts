/** Streams that break off after the client has content: finished by somebody else, or told as broken; over real sockets. */

import { describe, expect, test } from 'vitest'
import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import { ALL_CLIENTS, type Bench, expectTruncated, expectWhole, openBench } from '../support/upstreams.ts'

const TEXT = 'The quick brown fox jumps over the lazy dog, again and again, until the evening comes.'
const TARGETS = ['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini'] as const
const PAIRS = ALL_CLIENTS.flatMap((client) => TARGETS.map((target) => ({ client, target })))

/** A primary that breaks off in the middle, and a backup of another dialect. */
function openBroken(target: TargetDialectId, backupText: string, fault = 'cut-stream(token=7)'): Promise<Bench> {
  const backup = target === 'gemini' ? 'openai-chat' : 'gemini'
  return openBench({
    upstreams: {
      primary: { dialect: target, faults: [fault], text: TEXT },
      backup: { dialect: backup, text: backupText },
    },
    retries: 0,
    route: { rescue: 'safe' },
  })
}

describe.concurrent('a stream that breaks off is finished by the next target', () => {
  test.for(PAIRS)('fault 57: $client from $target: the whole answer, once', async ({ client, target }) => {
    await using bench = await openBroken(target, TEXT)
    const answer = await bench.ask({ client, mode: 'stream' })
    expectWhole(answer, TEXT)
    const { exchange, attempts } = await bench.recordOf(answer)
    expect(exchange).toMatchObject({ state: 'rescued', target: 'backup/m', rescueRung: 2, attempts: 2 })
    expect(attempts.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'upstream_truncated'],
      ['completed', undefined],
    ])
    expect(answer.raw).toContain(': holdfast-rescue rung=2 target=backup/m')
  })

  test.for(PAIRS)('fault 75: $client from $target: other words are never glued on', async ({ client, target }) => {
    await using bench = await openBroken(target, 'Something else altogether.')
    const answer = await bench.ask({ client, mode: 'stream' })
    expectTruncated(answer, 'rescue_diverged')
    expect(TEXT.startsWith(answer.text)).toBe(true)
    const { exchange, attempts } = await bench.recordOf(answer)
    expect(exchange).toMatchObject({ state: 'truncated', code: 'rescue_diverged', attempts: 2 })
    expect(attempts.map(({ isWaste }) => isWaste)).toEqual([true, true])
  })
})
