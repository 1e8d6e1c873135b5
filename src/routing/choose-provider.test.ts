import { describe, expect, test } from 'vitest'
import { fileList } from '../operations/files.ts'
import { messageBatchList } from '../operations/batches.ts'
import { moderations, rerank } from '../operations/judging.ts'
import type { Provider } from '../providers/provider.ts'
import { chooseProvider, type ProviderQuestion } from './choose-provider.ts'

function provider(id: string, over: Partial<Provider> = {}): Provider {
  return {
    id,
    name: id,
    dialect: 'openai-chat',
    baseUrl: 'http://127.0.0.1:1/v1',
    auth: { kind: 'none' },
    environmentKeys: [],
    isLocal: false,
    quirks: [],
    ...over,
  }
}

const claude = provider('claude', { dialect: 'anthropic-messages' })
const first = provider('first')
const second = provider('second')
const poor = provider('poor', { operationPaths: { files: false, moderations: false } })
const configured = [claude, poor, first, second]

function choose(question: Partial<ProviderQuestion>): string {
  const whole = { spec: fileList, dialect: 'openai-chat', named: undefined, likely: [], ...question } as const
  return chooseProvider(whole, configured).id
}

describe('the provider that is asked', () => {
  test('is the one that the header names, whoever else is likely', () => {
    expect(choose({ named: 'second', likely: ['first'] })).toBe('second')
  })

  test('is else the one that is known to have what is asked for', () => {
    expect(choose({ likely: [undefined, 'second'] })).toBe('second')
  })

  test('is else the first that speaks the client’s dialect and has the operation', () => {
    expect(choose({})).toBe('first')
    expect(choose({ likely: ['nobody', 'poor', 'claude'] })).toBe('first')
    expect(choose({ spec: moderations })).toBe('first')
    expect(choose({ dialect: 'anthropic-messages' })).toBe('claude')
    expect(choose({ spec: messageBatchList, dialect: 'anthropic-messages' })).toBe('claude')
  })

  test('may be of another dialect where the operation is the same in both', () => {
    const cohere = provider('cohere', { dialect: 'cohere-chat' })
    const question = { spec: rerank, dialect: 'openai-chat', named: undefined, likely: [] } as const
    expect(chooseProvider(question, [claude, cohere]).id).toBe('cohere')
  })

  test.each(['nobody', 'claude', 'poor', '__proto__'])(
    'is never guessed where the header says %s',
    (named) => {
      expect(() => choose({ named })).toThrow(/Those that have: first, second\./)
    },
  )

  test('is nobody where nobody has the operation', () => {
    const question = { spec: fileList, dialect: 'openai-chat', named: undefined, likely: [] } as const
    expect(() => chooseProvider(question, [claude])).toThrow(/No provider is configured/)
  })
})
