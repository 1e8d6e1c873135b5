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

/** A configuration, or faults in order, each somewhere in the file; never an exception, never a secret. */
function judge(text: string): void {
  const loaded = loadConfig({ text, env })
  if (loaded.ok) return
  expect(loaded.faults.length).toBeGreaterThan(0)
  expect(loaded.faults.map(formatFault).join('\n')).not.toContain('planted')
  let before = 0
  for (const { line, column } of loaded.faults) {
    expect(line).toBeGreaterThanOrEqual(1)
    expect(column).toBeGreaterThanOrEqual(1)
    expect(line).toBeLessThanOrEqual(text.split(/\r\n|\r|\n/).length)
    expect(line).toBeGreaterThanOrEqual(before)
    before = line
  }
}

describe('fault 133: whatever stands in the file', () => {
  test('a file cut at any byte is a configuration or faults', () => {
    for (let length = 0; length <= sound.length; length += 1) judge(sound.slice(0, length))
  })

  test('so is a file with any one character changed', () => {
    const strange = ['\t', '"', '{', ']', ':', '*', '&', '!', '\0', '\u2028', '<', '-', '#', '']
    for (let index = 0; index < sound.length; index += 7) {
      const character = strange[index % strange.length] ?? ''
      judge(sound.slice(0, index) + character + sound.slice(index + 1))
    }
  })

  test('so is any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => judge(text)),
      { numRuns: 100 },
    )
  })

  test('so is any value at any of its fields', () => {
    const field = fc.constantFrom('listen', 'keys', 'discover', 'providers', 'routes', 'limits', 'log')
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 4 }), (value) => {
        judge(JSON.stringify(value))
      }),
      { numRuns: 100 },
    )
  })

  test('so is any value inside a provider or a route', () => {
    const provider = fc.record(
      {
        dialect: fc.oneof(fc.constant('openai-chat'), fc.jsonValue()),
        baseUrl: fc.oneof(fc.webUrl(), fc.string()),
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
          judge(JSON.stringify({ providers, routes }))
        },
      ),
      { numRuns: 100 },
    )
  })
})
