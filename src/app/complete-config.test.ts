import { expect, test } from 'vitest'
import { completeConfig } from './complete-config.ts'
import { loadConfig } from './config/load-config.ts'
import type { Probe } from './find-providers.ts'

function config(text: string) {
  const loaded = loadConfig({ text, env: {} })
  if (!loaded.ok) throw new Error(loaded.faults.map(({ message }) => message).join('\n'))
  return loaded.config
}

const ollamaAnswers: Probe = async ({ provider }) =>
  provider.id === 'ollama' ? { status: 200, body: { data: [{ id: 'llama3' }] } } : undefined
const nobodyAnswers: Probe = async () => undefined
const ids = (completed: Awaited<ReturnType<typeof completeConfig>>) =>
  completed.providers.map(({ provider }) => provider.id)

test('a local server that was found stays through a reload in which it is too busy to answer', async () => {
  const before = await completeConfig(config('{}'), { env: {}, probe: ollamaAnswers, isSearching: true })
  expect(ids(before)).toEqual(['ollama'])
  const after = await completeConfig(config('{}'), {
    env: {},
    probe: nobodyAnswers,
    isSearching: true,
    before,
  })
  expect(ids(after)).toEqual(['ollama'])
})

test('it goes when the file names it, or when the search is given up', async () => {
  const before = await completeConfig(config('{}'), { env: {}, probe: ollamaAnswers, isSearching: true })
  const named = await completeConfig(config('providers: { ollama: { models: [mine] } }'), {
    env: {},
    probe: nobodyAnswers,
    isSearching: true,
    before,
  })
  expect(named.providers).toMatchObject([{ provider: { id: 'ollama' }, models: ['mine'], origin: 'file' }])
  const unsearched = await completeConfig(config('{}'), {
    env: {},
    probe: nobodyAnswers,
    isSearching: false,
    before,
  })
  expect(ids(unsearched)).toEqual(['simulator'])
})

test('SEC-22: the key of a local server found by itself is known to the redactor', async () => {
  const env = { VLLM_API_KEY: 'local-canary-0123456789' }
  const answersWithKey: Probe = async ({ credential }) =>
    credential ? { status: 200, body: { data: [{ id: 'm' }] } } : undefined
  const completed = await completeConfig(config('discover: true'), {
    env,
    probe: answersWithKey,
    isSearching: true,
  })
  expect(ids(completed)).toEqual(['vllm'])
  expect(completed.secrets.map((secret) => secret.reveal())).toEqual([env.VLLM_API_KEY])
})
