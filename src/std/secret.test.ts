import { format, inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Secret } from './secret.ts'

const VALUE = 'sk-s3cr3t-value-4711'
const secret = new Secret(VALUE)
const shown = `[secret:${secret.fingerprint}]`

describe('SEC-23: a secret', () => {
  test.each([
    // The checker warns of this very mistake, which is the one under test.
    // oxlint-disable-next-line typescript/restrict-template-expressions
    ['in a template', () => `${secret}`],
    ['as a string', () => String(secret)],
    ['joined', () => [secret].join()],
    ['stringified', () => JSON.parse(JSON.stringify(secret)) as string],
    ['inspected', () => inspect(secret)],
    ['inspected with everything hidden', () => inspect(secret, { showHidden: true, depth: 9 })],
    ['formatted with %s', () => format('%s', secret)],
    ['formatted with %o', () => format('%o', secret)],
    ['formatted with %O', () => format('%O', secret)],
  ])('shows its fingerprint %s', (_how, print) => {
    expect(print()).toBe(shown)
  })

  test.each([
    ['deep in an object', () => inspect({ a: { b: [secret] } }, { depth: 9 })],
    ['deep in JSON', () => JSON.stringify({ a: { b: [secret] } })],
    ['as a key of a map', () => inspect(new Map([[secret, secret]]), { showHidden: true })],
    [
      'as the cause of an error',
      () => inspect(new Error('x', { cause: secret }), { showHidden: true, depth: 9 }),
    ],
    [
      'without its custom inspection',
      () => inspect(secret, { customInspect: false, showHidden: true, depth: 9 }),
    ],
    ['copied', () => JSON.stringify(Object.assign({}, secret))],
    [
      'through its own names',
      () => JSON.stringify(Reflect.ownKeys(secret).map((key) => Reflect.get(secret, key))),
    ],
    ['cloned', () => inspect(structuredClone(secret), { showHidden: true })],
    ['in a number', () => String(Number(secret))],
  ])('never shows its value %s', (_how, print) => {
    expect(print()).not.toContain('s3cr3t')
  })

  test('is revealed to its owner', () => {
    expect(secret.reveal()).toBe(VALUE)
  })

  test('has a fingerprint of 8 hexadecimal digits that tells it from others', () => {
    expect(secret.fingerprint).toMatch(/^[0-9a-f]{8}$/)
    expect(new Secret(VALUE).fingerprint).toBe(secret.fingerprint)
    expect(new Secret(`${VALUE}x`).fingerprint).not.toBe(secret.fingerprint)
  })
})
