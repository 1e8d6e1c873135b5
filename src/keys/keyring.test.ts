import { timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { Secret } from '../std/secret.ts'
import { EMPTY, madeKey, PEPPER } from './directory.test-support.ts'
import { indexDirectory } from './key-index.ts'
import { createKeyring } from './keyring.ts'
import { mintKey } from './virtual-key.ts'

vi.mock(import('node:crypto'), async (original) => {
  const crypto = await original()
  return { ...crypto, timingSafeEqual: vi.fn<typeof crypto.timingSafeEqual>(crypto.timingSafeEqual) }
})

const LAPTOP = 'sk-laptop-7f3a9c51e8b2d604'
const SERVER = 'sk-server-02c4e6a8b1d3f597'
const keyring = createKeyring([
  { name: 'laptop', key: new Secret(LAPTOP) },
  { name: 'server', key: new Secret(SERVER) },
])

/** Wrong in every way a key can be: absent at once, near, short, long, of another alphabet. */
const WRONG = [
  'x',
  LAPTOP.slice(0, -1),
  `${LAPTOP}x`,
  `${LAPTOP.slice(0, -1)}5`,
  LAPTOP.toUpperCase(),
  ` ${LAPTOP}`,
  '漢字'.repeat(40),
  'y'.repeat(16_384),
  '\0',
]

describe('authenticate', () => {
  test('names the holder of a key', () => {
    expect(keyring.authenticate(LAPTOP)).toEqual({ keyName: 'laptop' })
    expect(keyring.authenticate(SERVER)).toEqual({ keyName: 'server' })
  })

  test.each(WRONG)('fault 116: refuses %.30j', (presented) => {
    expect(() => keyring.authenticate(presented)).toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    )
  })

  test('refuses a missing and an empty key', () => {
    expect(() => keyring.authenticate(undefined)).toThrow(/carries no client key/)
    expect(() => keyring.authenticate('')).toThrow(/carries no client key/)
  })

  test('lets everyone in, nameless, where no keys are configured', () => {
    const open = createKeyring([])
    expect(open.authenticate(undefined)).toEqual({})
    expect(open.authenticate('anything')).toEqual({})
  })

  test('of two equal keys the first counts', () => {
    const twice = createKeyring([
      { name: 'first', key: new Secret(LAPTOP) },
      { name: 'second', key: new Secret(LAPTOP) },
    ])
    expect(twice.authenticate(LAPTOP)).toEqual({ keyName: 'first' })
  })

  test('finds each of ten thousand keys', () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => ({
      name: `k${index}`,
      key: new Secret(`sk-${index}-abcdef0123456789`),
    }))
    const many = createKeyring(keys)
    for (const index of [0, 1, 5_000, 9_999]) {
      expect(many.authenticate(`sk-${index}-abcdef0123456789`)).toEqual({ keyName: `k${index}` })
    }
    expect(() => many.authenticate('sk-10000-abcdef0123456789')).toThrow(GatewayError)
  })

  test('SEC-21: errors show neither the presented key nor the configured ones', () => {
    for (const presented of [`${LAPTOP}x`, 'sk-a-guess-that-someone-made']) {
      let shown = ''
      try {
        keyring.authenticate(presented)
      } catch (error) {
        shown = inspect(error, { depth: 9, showHidden: true })
      }
      expect(shown).toContain('unauthenticated')
      expect(shown).not.toContain(presented)
      expect(shown).not.toContain(LAPTOP)
    }
    expect(inspect(keyring, { depth: 9, showHidden: true })).not.toContain(LAPTOP)
  })
})

describe('comparison', () => {
  const compare = vi.mocked(timingSafeEqual)
  beforeEach(() => {
    compare.mockClear()
  })

  test('SEC-10: is made once, over two hashes of one length, whatever was presented', () => {
    for (const presented of [LAPTOP, SERVER, ...WRONG]) {
      compare.mockClear()
      try {
        keyring.authenticate(presented)
      } catch {}
      expect(compare.mock.calls.map((hashes) => hashes.map((hash) => hash.byteLength))).toEqual([[32, 32]])
    }
  })

  test('SEC-11: two keys that differ in their last character are two holders, and so is what is made of them', () => {
    const long = `sk-${'a1b2c3d4e5'.repeat(40)}`
    const endings = ['x', 'y', 'z']
    const ring = createKeyring(endings.map((ending) => ({ name: ending, key: new Secret(long + ending) })))
    for (const ending of endings) {
      for (let turn = 0; turn < 2; turn += 1)
        expect(ring.authenticate(long + ending)).toEqual({ keyName: ending })
    }
    for (const presented of [long, `${long}w`, `${long}xy`])
      expect(() => ring.authenticate(presented)).toThrow(GatewayError)
  })

  test('SEC-11: goes by the whole hash, which differs from process to process and ring to ring', () => {
    const hashIn = (ring: typeof keyring) => {
      compare.mockClear()
      ring.authenticate(LAPTOP)
      return Buffer.from(compare.mock.calls[0]?.[0] as Uint8Array).toString('hex')
    }
    const other = createKeyring([{ name: 'laptop', key: new Secret(LAPTOP) }])
    expect(hashIn(keyring)).not.toBe(hashIn(other))
  })

  /** Of keys that are made: one that is nearly one of them, and one that is nothing like it, with a checksum that fits or not. */
  function madeKeys() {
    const made = Array.from({ length: 50 }, () => madeKey())
    const index = indexDirectory({ ...EMPTY, revision: 1, keys: made.map(({ record }) => record) })
    const ring = createKeyring([], { peppers: [PEPPER], index: () => index, wallMs: () => 0 })
    const [{ key } = { key: '' }] = made
    const last = key.endsWith('0') ? '1' : '0'
    return { ring, right: key.slice(0, -1) + last, wrong: `sk-hf-${'z'.repeat(31)}${last.repeat(7)}` }
  }

  const file = {
    ring: keyring,
    right: `${LAPTOP.slice(0, -1)}5`,
    wrong: `X${LAPTOP.slice(1)}`,
  }
  const kept = madeKeys()
  /** Made anew, with a checksum of their own: they go all the way to the table. */
  const minted = { ring: kept.ring, right: mintKey('data').reveal(), wrong: mintKey('data').reveal() }

  test.each([
    ['of the file', file],
    ['that are made', kept],
    ['that are made, well-formed', minted],
  ])(
    'SEC-10: 100,000 refusals take as long for keys %s that begin rightly as for those that do not',
    (_, { ring, right, wrong }) => {
      const refuse = (presented: string) => {
        const startNs = process.hrtime.bigint()
        for (let count = 0; count < 50; count += 1) {
          try {
            ring.authenticate(presented)
          } catch {}
        }
        return Number(process.hrtime.bigint() - startNs)
      }
      const times = { right: [] as number[], wrong: [] as number[] }
      // Interleaved, and the order changed each time, so that a busy machine burdens both alike.
      for (let round = 0; round < 1_000; round += 1) {
        if (round % 2 === 0) times.right.push(refuse(right))
        times.wrong.push(refuse(wrong))
        if (round % 2 === 1) times.right.push(refuse(right))
      }
      expect(median(times.right) / median(times.wrong)).toBeGreaterThan(0.9)
      expect(median(times.right) / median(times.wrong)).toBeLessThan(1.1)
    },
  )
})

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN
}
