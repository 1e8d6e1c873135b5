/** Every client that `holdfast env` knows: the coding agents, and libraries by the variables that they read. */

import { agents } from './agents.ts'
import { type Client, keyIn, text, type Variable } from './client.ts'

function library({ id, name, baseUrl, key, path }: Library): Client {
  return {
    id,
    name,
    needsModel: false,
    variables: ({ url }): readonly Variable[] => [text(baseUrl, `${url}${path}`), keyIn(key)],
    files: [],
    needs: () => [],
    start: () => 'your program',
    notes: [],
  }
}

interface Library {
  readonly id: string
  readonly name: string
  readonly baseUrl: string
  readonly key: string
  readonly path: '' | '/v1'
}

export const clients: readonly Client[] = [
  ...agents,
  library({
    id: 'openai',
    name: 'OpenAI SDK',
    baseUrl: 'OPENAI_BASE_URL',
    key: 'OPENAI_API_KEY',
    path: '/v1',
  }),
  library({
    id: 'anthropic',
    name: 'Anthropic SDK',
    baseUrl: 'ANTHROPIC_BASE_URL',
    key: 'ANTHROPIC_AUTH_TOKEN',
    path: '',
  }),
  library({
    id: 'google',
    name: 'Google Gen AI SDK',
    baseUrl: 'GOOGLE_GEMINI_BASE_URL',
    key: 'GEMINI_API_KEY',
    path: '',
  }),
]

/** Other names that people use. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['claude', 'claude-code'],
  ['gemini', 'gemini-cli'],
  ['qwen', 'qwen-code'],
  ['copilot-cli', 'copilot'],
  ['openai-sdk', 'openai'],
  ['anthropic-sdk', 'anthropic'],
  ['google-genai', 'google'],
])

export function findClient(word: string): Client | undefined {
  const id = aliases.get(word.toLowerCase()) ?? word.toLowerCase()
  return clients.find((client) => client.id === id)
}
