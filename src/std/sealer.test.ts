import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createSealer,
  SEAL_HEADER_BYTES,
  SEAL_OVERHEAD_BYTES,
  SealError,
  type SealFailure,
} from './sealer.ts'
import { Secret } from './secret.ts'

const secret = () => new Secret(randomBytes(32).toString('base64url'))
const OLD = secret()
const NEW = secret()
const sealer = createSealer([NEW])
const plain = Buffer.from('what nobody may read')

function failureOf(act: () => unknown): SealFailure | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(SealError)
    expect(inspect(error)).not.toContain('nobody')
    return error instanceof SealError ? error.reason : undefined
  }
}

describe('SEC-26: what is sealed', () => {
  test('opens to the same bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.string(), (bytes, context) => {
        const sealed = sealer.seal(bytes, context)
        expect(sealed.length).toBe(bytes.length + SEAL_OVERHEAD_BYTES)
        expect(sealer.open(sealed, context).equals(bytes)).toBe(true)
      }),
    )
  })

  test('does not open after any one bit was changed', () => {
    const sealed = sealer.seal(plain, 'answer:1')
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(
        failureOf(() => sealer.open(changed, 'answer:1')),
        `bit ${bit}`,
      ).toBeDefined()
    }
  })

  test('does not open cut off anywhere, or with bytes added', () => {
    const sealed = sealer.seal(plain, 'answer:1')
    for (let length = 0; length < sealed.length; length += 1) {
      expect(failureOf(() => sealer.open(sealed.subarray(0, length), 'answer:1'))).toBeDefined()
    }
    expect(failureOf(() => sealer.open(Buffer.concat([sealed, Buffer.alloc(1)]), 'answer:1'))).toBe(
      'not-authentic',
    )
  })

  test('does not open in another place', () => {
    expect(failureOf(() => sealer.open(sealer.seal(plain, 'answer:1'), 'answer:2'))).toBe('not-authentic')
    expect(failureOf(() => sealer.open(sealer.seal(plain, 'answer:1'), ''))).toBe('not-authentic')
  })

  test('does not open under another master secret, and says which way out there is', () => {
    const sealed = createSealer([OLD]).seal(plain, 'answer:1')
    expect(failureOf(() => sealer.open(sealed, 'answer:1'))).toBe('unknown-key')
    expect(() => sealer.open(sealed, 'answer:1')).toThrow(/another master secret/)
  })

  test('is refused where it is none, and of a version to come', () => {
    expect(failureOf(() => sealer.open(Buffer.alloc(0), ''))).toBe('not-a-seal')
    expect(failureOf(() => sealer.open(plain, ''))).toBe('not-a-seal')
    const later = sealer.seal(plain, '')
    later[0] = 2
    expect(() => sealer.open(later, '')).toThrow(/version 2/)
  })

  test('never looks the same twice', () => {
    const seen = new Set(
      Array.from({ length: 1_000 }, () => sealer.seal(plain, 'a').subarray(9, 21).toString('hex')),
    )
    expect(seen.size).toBe(1_000)
  })

  test('opens under both master secrets of a rotation, and tells by its beginning under which it was sealed', () => {
    const both = createSealer([NEW, OLD])
    const old = createSealer([OLD]).seal(plain, 'answer:1')
    expect(both.open(old, 'answer:1')).toEqual(plain)
    expect(both.placeOf(old)).toBe(1)
    expect(both.placeOf(old.subarray(0, SEAL_HEADER_BYTES))).toBe(1)
    expect(both.placeOf(both.seal(plain, 'answer:1'))).toBe(0)
    expect(sealer.placeOf(old)).toBeUndefined()
    expect(failureOf(() => sealer.open(old, 'answer:1'))).toBe('unknown-key')
    for (const other of [plain, old.subarray(0, SEAL_HEADER_BYTES - 1), Buffer.alloc(0)])
      expect(both.placeOf(other)).toBeUndefined()
  })
})

describe('derived keys', () => {
  test('are the same for one secret and purpose, and others for others', () => {
    expect(sealer.deriveKey('pepper')).toEqual(createSealer([NEW]).deriveKey('pepper'))
    const all = [
      sealer.deriveKey('pepper'),
      sealer.deriveKey('tokens'),
      createSealer([OLD]).deriveKey('pepper'),
    ]
    expect(new Set(all.map((key) => key.toString('hex'))).size).toBe(3)
    expect(all.map((key) => key.length)).toEqual([32, 32, 32])
  })

  test('come from every master secret, the newest first', () => {
    expect(createSealer([NEW, OLD]).deriveKeys('pepper')).toEqual([
      sealer.deriveKey('pepper'),
      createSealer([OLD]).deriveKey('pepper'),
    ])
  })

  test('follow HKDF-SHA-256 as it stands: what is sealed today must open after an upgrade', () => {
    const known = createSealer([new Secret('0123456789abcdef-known-master-secret')])
    expect(known.deriveKey('pepper').toString('hex')).toBe(
      'f4e1a24cd90dd781e16d3c6d03465c1c3d7e08a8427073e2b12049bece682b94',
    )
  })
})

test('SEC-23: a sealer shows nothing of its secrets', () => {
  const shown = inspect(createSealer([NEW]), { depth: 9, showHidden: true })
  expect(shown).not.toContain(NEW.reveal())
})
