import { describe, expect, test } from 'vitest'
import type { ConfiguredProvider } from '../app/config/config.ts'
import { simulatedProvider } from '../app/simulated-provider.ts'
import { knownProviders } from '../providers/index.ts'
import { defaultTimers } from '../providers/target.ts'
import { type BannerFacts, bannerLines, exampleModel } from './banner.ts'

function known(
  id: string,
  origin: ConfiguredProvider['origin'],
  models?: readonly string[],
): ConfiguredProvider {
  const provider = knownProviders.get(id)
  if (!provider) throw new Error(id)
  return { provider, timers: defaultTimers(provider), origin, ...(models && { models }) }
}

const facts: BannerFacts = {
  url: 'http://127.0.0.1:4141',
  version: '1.2.3',
  providers: [known('openai', 'environment'), known('ollama', 'local', ['llama3'])],
  routes: [],
  isSimulated: false,
  hasKeys: false,
  warnings: [],
}

const banner = (over: Partial<BannerFacts> = {}) =>
  bannerLines({ ...facts, ...over }, (_, text) => text).join('\n')

test('says where it is, for clients of either dialect, and where providers come from', () => {
  const text = banner()
  expect(text).toContain('Holdfast 1.2.3 is listening on http://127.0.0.1:4141')
  expect(text).toContain('http://127.0.0.1:4141/v1')
  expect(text).toContain('openai (key in the environment), ollama (found on this machine)')
  expect(text).toContain('ollama/llama3')
  expect(text).not.toContain('SIMULATED')
})

test('says plainly that answers are simulated, and how to get real ones', () => {
  const text = banner({ providers: [simulatedProvider], isSimulated: true })
  expect(text).toContain('SIMULATED: no provider was found')
  expect(text).toContain('OPENAI_API_KEY')
  expect(text).toContain('"model":"simulator/mock"')
})

describe('the line to paste', () => {
  test('is one line, and asks for a model that there is', () => {
    const line = banner()
      .split('\n')
      .find((one) => one.trim().startsWith('curl '))
    expect(line).toBe(
      `  curl http://127.0.0.1:4141/v1/chat/completions -H "content-type: application/json" -d '{"model":"openai/gpt-5-mini","messages":[{"role":"user","content":"Say hello"}]}'`,
    )
  })

  test('carries a key where keys are configured, and never the key itself', () => {
    expect(banner({ hasKeys: true })).toContain('-H "authorization: Bearer $HOLDFAST_KEY"')
  })

  test('prefers a route, survives quotes in names, and is left out where no model is known', () => {
    const route = { name: "it's", targets: ['a/b'], deadlineMs: 1, retries: 0, isStrict: false }
    expect(exampleModel({ ...facts, routes: [route] })).toBe("it's")
    expect(banner({ routes: [route] })).toContain(`"it'\\''s"`)
    expect(exampleModel({ providers: [known('vllm', 'file')], routes: [] })).toBeUndefined()
    expect(banner({ providers: [known('vllm', 'file')] })).not.toContain('curl')
  })
})

test('names a few models and counts the rest', () => {
  const models = Array.from({ length: 40 }, (_, index) => `m${index}`)
  expect(banner({ providers: [known('vllm', 'local', models)] })).toContain('vllm/m5, and 34 more')
})

test('shows what is allowed and yet unwise', () => {
  expect(banner({ warnings: ['keys[0].key stands in the file as plain text.'] })).toMatch(
    /note +keys\[0\]\.key/,
  )
})
