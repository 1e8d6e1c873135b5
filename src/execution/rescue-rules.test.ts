import { describe, expect, test } from 'vitest'
import type { Delivered } from '../dialects/dialect.ts'
import { rungsFor, wishOf } from './rescue-rules.ts'
import type { Exchange } from './exchange.ts'

describe('the rungs that may be tried', () => {
  // Sound: nothing else of an exchange is looked at.
  const asking = (candidateCount: number) => ({ envelope: { candidateCount } }) as Pick<Exchange, 'envelope'>

  test.each([
    { policy: 'off', rungs: [] },
    { policy: 'safe', rungs: [1, 2] },
    { policy: 'full', rungs: [1, 2, 3] },
  ] as const)('$policy: $rungs', ({ policy, rungs }) => {
    expect(rungsFor(policy, asking(1))).toEqual(rungs)
  })

  test('none for several candidates, whatever the policy', () => {
    for (const policy of ['safe', 'full'] as const) expect(rungsFor(policy, asking(2))).toEqual([])
  })
})

describe('what is asked of a target', () => {
  const text = { type: 'text', text: 'Once upon', isOpen: true } as const
  const delivered = (over: Partial<Delivered> = {}): Delivered => {
    return { text: 'Once upon', parts: [text], hasToolCalls: false, isRescuable: true, ...over }
  }

  test('to go on where text broke off, on the first rung in its own way and on the third in words', () => {
    expect(wishOf(1, delivered())).toEqual({ type: 'native', text: 'Once upon' })
    expect(wishOf(3, delivered())).toEqual({ type: 'instructed', text: 'Once upon' })
  })

  test('on the second rung, to say everything anew', () => {
    expect(wishOf(2, delivered())).toEqual({ type: 'restart' })
    expect(wishOf(2, delivered({ text: '', parts: [] }))).toEqual({ type: 'restart' })
  })

  test('nothing where what was delivered must not be continued', () => {
    const signed = delivered({ isRescuable: false, reason: 'inside signed reasoning' })
    for (const rung of [1, 2, 3] as const) expect(wishOf(rung, signed)).toBeUndefined()
  })

  test('what is not text is never put into somebody else’s mouth: it can only be said anew', () => {
    const call = { type: 'tool-call', id: 'a', name: 'look', arguments: '{}', isOpen: false } as const
    const reasoning = { type: 'reasoning', text: 'Hm', isOpen: false } as const
    const refusal = { type: 'refusal', text: 'No', isOpen: true } as const
    for (const part of [call, reasoning, refusal]) {
      const mixed = delivered({ parts: [text, part], hasToolCalls: part === call })
      expect([wishOf(1, mixed), wishOf(3, mixed)]).toEqual([undefined, undefined])
      expect(wishOf(2, mixed)).toEqual({ type: 'restart' })
    }
  })

  test('no text is no beginning', () => {
    const empty = delivered({ text: '', parts: [{ ...text, text: '' }] })
    expect([wishOf(1, empty), wishOf(3, empty)]).toEqual([undefined, undefined])
  })
})
