/** Two targets at once where one is slow to begin: hedging by wish, and the soft limit; over real sockets. */

import { describe, expect, test } from 'vitest'
import { ALL_CLIENTS, expectWhole, type Mode, openBench } from '../support/upstreams.ts'

const QUICK = 'The quick one answers.'
const SLOW = 'The slow one answers.'
const HEDGE = { hedge: { after: '80ms', share: '100%' } }

const CASES = ALL_CLIENTS.flatMap((client) =>
  (['stream', 'fold', 'plain'] as const satisfies readonly Mode[]).map((mode) => ({ client, mode })),
)

/** Of an answer in one piece nothing is seen before it is whole. */
const never = (mode: Mode) => (mode === 'plain' ? 'silent' : 'never-first-token')
const late = (mode: Mode) =>
  mode === 'plain' ? { pace: { firstTokenMs: 300 } } : { faults: ['late-first-token(ms=300)'] }

describe.concurrent('hedging', () => {
  test.for(CASES)(
    '$client $mode: the second attempt wins, and the first is closed',
    async ({ client, mode }) => {
      await using bench = await openBench({
        upstreams: {
          slow: { dialect: 'openai-chat', faults: [never(mode)], text: SLOW },
          quick: { dialect: 'anthropic-messages', text: QUICK },
        },
        route: HEDGE,
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, QUICK)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'completed', attempts: 2, target: 'quick/m' })
      expect(attempts.find(({ target }) => target === 'slow/m')).toMatchObject({
        outcome: 'cancelled',
        usageSource: 'unknown',
        isWaste: true,
        flags: ['race_lost'],
      })
      const [slow] = bench.calls('slow')
      await slow?.settled
      expect(slow?.state).toBe('peer-left')
    },
  )

  test.for(CASES)(
    '$client $mode: the first attempt wins, and the second is closed',
    async ({ client, mode }) => {
      await using bench = await openBench({
        upstreams: {
          slow: { dialect: 'anthropic-messages', ...late(mode), text: SLOW },
          never: { dialect: 'openai-chat', faults: [never(mode)], text: QUICK },
        },
        route: HEDGE,
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, SLOW)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts.map(({ target, outcome }) => `${target} ${outcome}`).sort()).toEqual([
        'never/m cancelled',
        'slow/m completed',
      ])
    },
  )

  test('no second attempt is made where the first one answers in time', async () => {
    await using bench = await openBench({
      upstreams: {
        first: { dialect: 'openai-chat', text: QUICK },
        second: { dialect: 'anthropic-messages', text: SLOW },
      },
      route: { hedge: { after: '5s', share: '100%' } },
    })
    expectWhole(await bench.ask({ client: 'openai-chat', mode: 'stream' }), QUICK)
    expect(bench.calls('second')).toHaveLength(0)
  })

  test('hedges keep to their share of what the route spends', async () => {
    await using bench = await openBench({
      upstreams: {
        slow: { dialect: 'openai-chat', faults: ['late-first-token(ms=150)'], text: SLOW },
        never: { dialect: 'anthropic-messages', faults: ['never-first-token'], text: QUICK },
      },
      route: { hedge: { after: '20ms', share: '10%' } },
    })
    for (let turn = 0; turn < 8; turn += 1)
      expectWhole(await bench.ask({ client: 'openai-chat', mode: 'stream' }), SLOW)
    expect(bench.calls('never').length).toBeLessThanOrEqual(1)
  })

  test('a request that leaves something at its provider is never asked twice at once', async () => {
    await using bench = await openBench({
      upstreams: {
        slow: { dialect: 'anthropic-messages', faults: ['late-first-token(ms=300)'], text: SLOW },
        quick: { dialect: 'anthropic-messages', text: QUICK },
      },
      route: HEDGE,
    })
    const body = { tools: [{ type: 'code_execution_20250522', name: 'code_execution' }] }
    expectWhole(await bench.ask({ client: 'anthropic-messages', mode: 'stream', body }), SLOW)
    expect(bench.calls('quick')).toHaveLength(0)
  })
})
