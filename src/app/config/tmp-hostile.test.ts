import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatFault } from './fault.ts'
import { loadConfig } from './load-config.ts'

const sound = `listen: 127.0.0.1:4141
keys: [{ name: laptop, key: "\${LAPTOP_KEY}" }]
providers:
  openai: {}
  backup: { dialect: openai-chat, baseUrl: http://127.0.0.1:8000/v1, timeouts: { idle: 30s } }
routes:
  smart: { targets: [openai/gpt-5, backup/qwen3], deadline: 10m, retries: 2 }
limits: { bodyBytes: 8MiB }
log: { level: info }
`
const env = { LAPTOP_KEY: 'sk-0f1e2d3c4b5a69788796a5b4c3d2e1f0', OPENAI_API_KEY: 'sk-planted-0123456789' }

/** Every code unit, lone surrogates too, with those that mean something to YAML drawn often. */
const character = fc.oneof(
  fc.constantFrom(...'\t\n\r \0#&*!|>%@`{}[],?:-"\'<'.split('')),
  fc.integer({ min: 0, max: 0xff_ff }).map((unit) => String.fromCharCode(unit)),
)

/**
 * What is wrong with the judgement of a text, where something is: it must be a configuration, or faults in order, each
 * somewhere in the file; never an exception, never a secret.
 */
function misjudged(text: string): string | undefined {
  const loaded = loadConfig({ text, env })
  if (loaded.ok) return undefined
  const { faults } = loaded
  if (faults.length === 0) return 'refused without a fault'
  if (faults.map(formatFault).join('\n').includes('planted')) return 'a secret is shown'
  const lines = text.split(/\r\n|\r|\n/).length
  if (faults.some(({ line, column }) => line < 1 || column < 1 || line > lines))
    return 'a fault outside the file'
  const isSorted = faults.every(({ line }, index) => line >= (faults[index - 1]?.line ?? 0))
  return isSorted ? undefined : 'faults out of order'
}

describe('fault 133: whatever stands in the file', () => {
  test('a file cut at any byte is a configuration or faults', () => {
    for (let length = 0; length <= sound.length; length += 1) {
      expect(misjudged(sound.slice(0, length))).toBeUndefined()
    }
  })

  test('so is a file with any one character changed', () => {
    const strange = ['\t', '"', '{', ']', ':', '*', '&', '!', '\0', '\u2028', '<', '-', '#', '']
    for (let index = 0; index < sound.length; index += 7) {
      const character = strange[index % strange.length] ?? ''
      expect(misjudged(sound.slice(0, index) + character + sound.slice(index + 1))).toBeUndefined()
    }
  })

  test('so is any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 200 }), (text) => {
        expect(misjudged(text)).toBeUndefined()
      }),
      { numRuns: 3000 },
    )
  })

  test('so is any value at any of its fields', () => {
    const field = fc.constantFrom('listen', 'keys', 'discover', 'providers', 'routes', 'limits', 'log')
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 4 }), (value) => {
        expect(misjudged(JSON.stringify(value))).toBeUndefined()
      }),
      { numRuns: 3000 },
    )
  })

  test('so is any value inside a provider or a route', () => {
    const provider = fc.record(
      {
        dialect: fc.oneof(fc.constant('openai-chat'), fc.jsonValue()),
        baseUrl: fc.oneof(
          fc.constantFrom('http://x/v1', 'https://example.com', 'http://[::1]:4141/v1'),
          fc.string(),
        ),
        credential: fc.oneof(fc.string(), fc.constant('${NOPE}'), fc.constant('file:../x')),
        headers: fc.dictionary(fc.string(), fc.string()),
        models: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
      },
      { requiredKeys: [] },
    )
    const route = fc.record({ targets: fc.array(fc.oneof(fc.string(), fc.constantFrom('a', 'b', 'x/y'))) })
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), provider),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), route),
        (providers, routes) => {
          expect(misjudged(JSON.stringify({ providers, routes }))).toBeUndefined()
        },
      ),
      { numRuns: 3000 },
    )
  })
})
