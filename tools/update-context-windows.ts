/**
 * Compiles the context windows of known models into dated data for the package. Run it by hand when the facts have
 * changed: node tools/update-context-windows.ts path/to/models.json
 */

import { readFileSync, writeFileSync } from 'node:fs'

/** Our provider ids beside the names the facts file uses. */
const factsNames: Readonly<Record<string, string>> = {
  openai: 'openai',
  anthropic: 'anthropic',
  'azure-openai': 'azure',
  deepseek: 'deepseek',
  groq: 'groq',
  mistral: 'mistral',
  together: 'togetherai',
  fireworks: 'fireworks-ai',
  openrouter: 'openrouter',
  xai: 'xai',
  moonshot: 'moonshotai',
  zhipu: 'zhipuai',
  dashscope: 'alibaba',
  minimax: 'minimax',
  siliconflow: 'siliconflow',
  volcengine: 'volcengine',
  stepfun: 'stepfun',
  cerebras: 'cerebras',
  perplexity: 'perplexity',
  nvidia: 'nvidia',
  gemini: 'google',
}

interface Facts {
  readonly sources: readonly { readonly name: string; readonly date: string }[]
  readonly models: readonly { readonly provider: string; readonly id: string; readonly context?: number }[]
}

const [, , from] = process.argv
if (from === undefined) {
  console.error('usage: node tools/update-context-windows.ts path/to/models.json')
  process.exit(2)
}
// The file is ours; its form is described by its own `fields`.
const facts = JSON.parse(readFileSync(from, 'utf8')) as Facts

const windows: Record<string, Record<string, number>> = {}
for (const [id, name] of Object.entries(factsNames)) {
  const known = facts.models
    .filter((model) => model.provider === name && typeof model.context === 'number' && model.context > 0)
    .map((model): [string, number] => [model.id, model.context ?? 0])
    .sort(([left], [right]) => (left < right ? -1 : 1))
  windows[id] = Object.fromEntries(known)
}

const date = facts.sources
  .map((source) => source.date)
  .sort()
  .at(-1)
writeFileSync(
  new URL('../src/providers/context-windows.json', import.meta.url),
  `${JSON.stringify({ date, sources: facts.sources.map((source) => source.name), windows }, undefined, 1)}\n`,
)
