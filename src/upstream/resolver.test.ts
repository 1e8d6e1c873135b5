import type { LookupAddress } from 'node:dns'
import { describe, expect, test } from 'vitest'
import { createResolver, NAMES_MAX, STALE_ANSWER_MS, type SystemLookup } from './resolver.ts'
import { ManualClock } from './wall.ts'

type Answer = Parameters<Parameters<SystemLookup>[2]>

/** A name server played by hand. */
function open(publicNames: readonly string[] = []) {
  const asked: { hostname: string; answer: (...answer: Answer) => void }[] = []
  const clock = new ManualClock()
  const resolve = createResolver(clock, {
    lookup: (hostname, _options, callback) => {
      asked.push({ hostname, answer: callback })
    },
    mustBePublic: (hostname) => publicNames.includes(hostname),
  })
  const ask = (hostname: string) => {
    const told: (string | LookupAddress[])[] = []
    resolve(hostname, { all: true }, (error, addresses) => {
      told.push(error?.code ?? addresses)
    })
    return told
  }
  return { asked, clock, resolve, ask }
}

const here: LookupAddress[] = [{ address: '93.184.215.14', family: 4 }]
const notFound = Object.assign(new Error('no'), { code: 'EAI_AGAIN' })

describe('the resolver', () => {
  test('fault 4: a name server that hangs is asked once for a name, and other names are not kept waiting', () => {
    const { asked, ask } = open()
    const waiting = [ask('slow.test'), ask('slow.test'), ask('slow.test')]
    const other = ask('quick.test')
    expect(asked.map(({ hostname }) => hostname)).toEqual(['slow.test', 'quick.test'])
    asked[1]?.answer(null, here)
    expect(other).toEqual([here])
    expect(waiting).toEqual([[], [], []])
    asked[0]?.answer(null, here)
    expect(waiting).toEqual([[here], [here], [here]])
  })

  test('fault 142: while the name server is down the last answer serves, for ten minutes', () => {
    const { asked, clock, ask } = open()
    ask('api.test')
    asked[0]?.answer(null, here)
    clock.advance(STALE_ANSWER_MS)
    const stale = ask('api.test')
    asked[1]?.answer(notFound, [])
    expect(stale).toEqual([here])
    clock.advance(1)
    const tooOld = ask('api.test')
    asked[2]?.answer(notFound, [])
    expect(tooOld).toEqual(['EAI_AGAIN'])
  })

  test('SEC-3, SEC-5: an answer that holds a metadata address is refused as a whole, and not remembered', () => {
    const { asked, ask } = open()
    const first = ask('rebound.test')
    asked[0]?.answer(null, [...here, { address: '::ffff:169.254.169.254', family: 6 }])
    expect(first).toEqual(['HOLDFAST_BLOCKED_ADDRESS'])
    const second = ask('rebound.test')
    asked[1]?.answer(notFound, [])
    expect(second).toEqual(['EAI_AGAIN'])
  })

  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '192.168.0.1',
    '169.254.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::',
    'fd12::1',
    'fe80::1%eth0',
    '::ffff:127.0.0.1',
    '198.18.0.1',
    '203.0.113.9',
    '224.0.0.1',
    '64:ff9b::10.0.0.1',
    '2002:7f00:1::1',
  ])('fault 5, SEC-2, SEC-3: a name that was public does not become %s', (address) => {
    const { asked, ask } = open()
    ask('rebound.test')
    asked[0]?.answer(null, here)
    const second = ask('rebound.test')
    asked[1]?.answer(null, [...here, { address, family: 4 }])
    expect(second).toEqual(['HOLDFAST_BLOCKED_ADDRESS'])
    const third = ask('rebound.test')
    asked[2]?.answer(null, here)
    expect(third).toEqual([here])
  })

  test('a name that was local may come and go, as with a private network that is switched on and off', () => {
    const { asked, ask } = open()
    const local = [{ address: '10.0.0.7', family: 4 }]
    for (const [index, answer] of [local, here, local].entries()) {
      const told = ask('office.test')
      asked[index]?.answer(null, answer)
      expect(told).toEqual([answer])
    }
  })

  test.each(['10.0.0.7', '127.0.0.1', '::1', 'fd12::1', '::ffff:192.168.0.1'])(
    'SEC-2: a name that must be public is never %s, not even at first, and the next answer is judged anew',
    (address) => {
      const { asked, ask } = open(['api.test'])
      const local = [{ address, family: address.includes(':') ? 6 : 4 }]
      const first = ask('api.test')
      asked[0]?.answer(null, [...here, ...local])
      expect(first).toEqual(['HOLDFAST_BLOCKED_ADDRESS'])
      const unnamed = ask('office.test')
      asked[1]?.answer(null, local)
      expect(unnamed).toEqual([local])
      const second = ask('api.test')
      asked[2]?.answer(null, here)
      expect(second).toEqual([here])
    },
  )

  test('a name that must be public may be answered by a transparent proxy of the machine, with an address of nobody', () => {
    const { asked, ask } = open(['api.test'])
    const standIn = [{ address: '198.18.0.7', family: 4 }]
    const first = ask('api.test')
    asked[0]?.answer(null, standIn)
    expect(first).toEqual([standIn])
    const second = ask('api.test')
    asked[1]?.answer(null, [...standIn, { address: '10.0.0.7', family: 4 }])
    expect(second).toEqual(['HOLDFAST_BLOCKED_ADDRESS'])
  })

  test('gives one address to a caller who wants one', () => {
    const { asked, resolve } = open()
    const told: unknown[] = []
    resolve('one.test', {}, (...answer) => told.push(answer))
    asked[0]?.answer(null, here)
    expect(told).toEqual([[null, '93.184.215.14', 4]])
  })

  test('a name that is not found is told of as that: Node gives no list of addresses with the error', () => {
    const { asked, ask } = open(['api.test'])
    for (const [place, name] of ['api.test', 'office.test'].entries()) {
      const told = ask(name)
      // Sound: what node:dns does.
      asked[place]?.answer(notFound, undefined as unknown as LookupAddress[])
      expect(told).toEqual(['EAI_AGAIN'])
    }
  })

  test('an answer without addresses is no answer', () => {
    const { asked, ask } = open()
    const told = ask('empty.test')
    asked[0]?.answer(null, [])
    expect(told).toEqual(['ENOTFOUND'])
  })

  test('remembers a bounded number of names', () => {
    const { asked, ask } = open()
    for (let number = 0; number <= NAMES_MAX; number += 1) {
      ask(`name-${number}.test`)
      asked[number]?.answer(null, here)
    }
    const forgotten = ask('name-0.test')
    asked.at(-1)?.answer(notFound, [])
    expect(forgotten).toEqual(['EAI_AGAIN'])
    const kept = ask(`name-${NAMES_MAX}.test`)
    asked.at(-1)?.answer(notFound, [])
    expect(kept).toEqual([here])
  })
})
