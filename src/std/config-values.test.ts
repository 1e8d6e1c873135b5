import { describe, expect, test } from 'vitest'
import {
  byteSizeSchema,
  durationSchema,
  readSecretReference,
  writeBytes,
  writeDuration,
} from './config-values.ts'

describe('durations', () => {
  const schema = durationSchema({ minMs: 1, maxMs: 86_400_000 })

  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    [' 10 s ', 10_000],
  ])('%s is %i ms', (text, ms) => {
    expect(schema.parse(text)).toBe(ms)
  })

  test.each([
    '30',
    '',
    's',
    '-5s',
    '1e3s',
    '10 minutes',
    '5M',
    '1d',
    'Infinitys',
    '9'.repeat(20) + 's',
    '٣s',
  ])('%j is none', (text) => {
    expect(schema.safeParse(text).success).toBe(false)
  })

  test('a number has no unit and is refused', () => {
    expect(schema.safeParse(30).success).toBe(false)
  })

  test('limits are told in units', () => {
    expect(schema.safeParse('0ms').error?.issues[0]?.message).toBe(
      'is out of range: write a duration from 1ms to 24h',
    )
    expect([1, 1_000, 90_000, 3_600_000].map(writeDuration)).toEqual(['1ms', '1s', '90s', '1h'])
  })
})

describe('sizes', () => {
  const schema = byteSizeSchema({ minBytes: 1, maxBytes: 2 ** 40 })

  test.each([
    ['64KiB', 65_536],
    ['1.5MiB', 1_572_864],
    ['2GiB', 2 ** 31],
    ['12B', 12],
    [1024, 1024],
  ])('%s is %i bytes', (written, bytes) => {
    expect(schema.parse(written)).toBe(bytes)
  })

  test.each(['64KB', '10', 'MiB', -1, 1.5, Number.NaN, 2 ** 60])('%s is none', (written) => {
    expect(schema.safeParse(written).success).toBe(false)
  })

  test('are written in whole units', () => {
    expect([1, 1024, 2 ** 20, 2 ** 30, 1500].map(writeBytes)).toEqual([
      '1 bytes',
      '1KiB',
      '1MiB',
      '1GiB',
      '1500 bytes',
    ])
  })
})

describe('references to secrets', () => {
  test.each([
    ['${NAME}', { kind: 'environment', name: 'NAME' }],
    [' os.environ/NAME ', { kind: 'environment', name: 'NAME' }],
    ['file: a/b ', { kind: 'file', path: 'a/b' }],
    ['Bearer ${NAME}', { kind: 'template', template: 'Bearer ${NAME}' }],
  ])('%s', (text, reference) => {
    expect(readSecretReference(text)).toEqual(reference)
  })

  test('anything else is the secret itself, and cannot be printed', () => {
    const reference = readSecretReference(' sk-0123456789 ')
    expect(reference.kind === 'literal' && reference.secret.reveal()).toBe('sk-0123456789')
    expect(JSON.stringify(reference)).not.toContain('0123456789')
  })
})
