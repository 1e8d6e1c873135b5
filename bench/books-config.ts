/** The configurations that the cost of the books is measured with. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelNames } from './cells.ts'

/** `plain path`: a key of the file, and nothing is kept. `with books`: all of it, on SQLite. */
export type BooksKind = 'plain path' | 'with books'

/** The route on which a model's answers are cached. */
export function cachedRoute(model: string): string {
  return `cached-${model}`
}

export async function writeBooksConfig(kind: BooksKind, upstream: string) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-books-'))
  const path = join(folder, 'holdfast.yaml')
  const fileKey = 'bench-key-of-the-file'
  const routes = modelNames.map(
    (model) => `  ${cachedRoute(model)}: { targets: [bench-openai/${model}], cache: true }`,
  )
  const prices = 'prices: { "*": { input: 2.5, output: 10 } }'
  const lines = [
    'listen: 127.0.0.1:0',
    'discover: false',
    'admin: false',
    'limits: { requestsInFlight: 10000 }',
    ...(kind === 'plain path'
      ? ['store: { kind: memory }', `keys: [{ name: bench, key: ${fileKey} }]`]
      : ['store: { kind: sqlite, path: holdfast.db }']),
    'providers:',
    `  bench-openai: { dialect: openai-chat, baseUrl: "${upstream}/v1", credential: bench-key, ${prices} }`,
    'routes:',
    ...routes,
  ]
  await writeFile(path, `${lines.join('\n')}\n`)
  return { path, fileKey, remove: () => rm(folder, { recursive: true, force: true }) }
}
