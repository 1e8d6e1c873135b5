import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSeededRandom } from '../std/ids.ts'
import { hashKey, KeyHasher, hintOf, isWellFormed, kindOfKey, mintKey } from './virtual-key.ts'
import { describeKeyWeakness } from './weak-key.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

describe('SEC-9: a new key', () => {
  test('has its prefix, 32 characters of chance and six of checksum', () => {
    expect(mintKey('data').reveal()).toMatch(/^sk-hf-[0-9A-Za-z]{38}$/)
    expect(mintKey('admin').reveal()).toMatch(/^sk-hf-admin-[0-9A-Za-z]{38}$/)
  })

  test('draws every character as often as any other', () => {
    const counts = new Map<string, number>()
    const keys = 20_000
    for (let count = 0; count < keys; count += 1) {
      for (const char of mintKey('data').reveal().slice(6, 38)) counts.set(char, (counts.get(char) ?? 0) + 1)
    }
    const expected = (keys * 32) / 62
    const chiSquared = ALPHABET.split('').reduce(
      (sum, char) => sum + ((counts.get(char) ?? 0) - expected) ** 2 / expected,
      0,
    )
    // 61 degrees of freedom: 130 is passed by chance once in a million runs. Modulo alone would give some 3,000.
    expect(chiSquared).toBeLessThan(130)
  })

  test('draws again what would not be fair', () => {
    const draws = [new Uint8Array(32).fill(255), new Uint8Array(32).fill(248), new Uint8Array(32).fill(247)]
    const key = mintKey('data', () => draws.shift() ?? new Uint8Array(0))
    expect(key.reveal().slice(6, 38)).toBe('z'.repeat(32))
  })

  test('is never the same', () => {
    const keys = Array.from({ length: 2_000 }, () => mintKey('data').reveal())
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('is not taken for a weak one', () => {
    // From a seed: of true chance, one key in 850,000 spells "dummy" in some mixture of cases.
    const random = createSeededRandom(9)
    const draw = (bytes: number) => Uint8Array.from({ length: bytes }, () => random.next() * 256)
    const keys = Array.from({ length: 2_000 }, () => mintKey('data', draw).reveal())
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys.filter((key) => describeKeyWeakness(key) !== undefined)).toEqual([])
  })
})

describe('the form of a key', () => {
  test('is that of every key minted, and says its kind', () => {
    for (let count = 0; count < 500; count += 1) {
      expect(kindOfKey(mintKey('data').reveal())).toBe('data')
      expect(kindOfKey(mintKey('admin').reveal())).toBe('admin')
    }
  })

  test('is lost with any one character, and with two that changed places', () => {
    const key = mintKey('data').reveal()
    for (let at = 0; at < key.length; at += 1) {
      for (const char of ALPHABET) {
        const changed = key.slice(0, at) + char + key.slice(at + 1)
        expect(isWellFormed(changed), changed).toBe(changed === key)
      }
      const swapped = key.slice(0, at) + key.charAt(at + 1) + key.charAt(at) + key.slice(at + 2)
      if (at + 1 < key.length) expect(isWellFormed(swapped), swapped).toBe(swapped === key)
    }
  })

  test('is not that of a guess, of other text, or of a key with something added', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...ALPHABET.split('')), minLength: 38, maxLength: 38 }),
        (text) => {
          expect(isWellFormed(`sk-hf-${text}`)).toBe(false)
          expect(isWellFormed(`sk-hf-admin-${text}`)).toBe(false)
        },
      ),
      { seed: 7, numRuns: 2_000 },
    )
    const key = mintKey('data').reveal()
    for (const text of [
      '',
      'sk-hf-',
      `${key} `,
      ` ${key}`,
      `${key}\n`,
      key.toUpperCase(),
      'x'.repeat(1_000_000),
    ])
      expect(isWellFormed(text)).toBe(false)
  })

  test('SEC-16: a data key does not become an admin key by its prefix, nor the reverse', () => {
    expect(isWellFormed(mintKey('data').reveal().replace('sk-hf-', 'sk-hf-admin-'))).toBe(false)
    expect(isWellFormed(mintKey('admin').reveal().replace('sk-hf-admin-', 'sk-hf-'))).toBe(false)
  })
})

test('SEC-9: the hash is an HMAC-SHA-256 under the pepper', () => {
  const pepper = randomBytes(32)
  const key = mintKey('data').reveal()
  expect(hashKey(key, pepper)).toBe(createHmac('sha256', pepper).update(key).digest('base64url'))
  expect(hashKey(key, randomBytes(32))).not.toBe(hashKey(key, pepper))
})

test('SEC-9: the hash is the HMAC of whatever is presented, one after the other', () => {
  const pepper = randomBytes(32)
  const hasher = new KeyHasher(pepper)
  const presented = [
    mintKey('admin').reveal(),
    'x',
    '',
    'é'.repeat(85),
    '漢'.repeat(86),
    'y'.repeat(16_384),
    '\ud800',
  ]
  for (const key of [...presented, ...presented.toReversed()])
    expect(hasher.hash(key)).toEqual(createHmac('sha256', pepper).update(key).digest())
})

test('the hint is the end of the key', () => {
  const key = mintKey('data')
  expect(key.reveal().endsWith(hintOf(key))).toBe(true)
  expect(hintOf(key)).toHaveLength(4)
})
