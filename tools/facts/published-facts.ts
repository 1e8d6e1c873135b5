/** Where the published facts lie that the package's data is compiled from. */

import { existsSync, readFileSync } from 'node:fs'
import type { PublishedFacts } from './compile-facts.ts'

/** `FACTS_FILE`, or the folder beside the repository. */
export const publishedFactsFile: string =
  process.env['FACTS_FILE'] ?? new URL('../../../shared/facts/models.json', import.meta.url).pathname

/** `undefined` where the file is not there. */
export function readPublishedFacts(path: string = publishedFactsFile): PublishedFacts | undefined {
  // Sound: the file is ours; its form is described by its own `fields`, and what is not a number or a boolean is left out.
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as PublishedFacts) : undefined
}
