/**
 * Compiles the published facts of models into dated data for the package, and writes the pages made of it. Run it by
 * hand when the facts have changed: npm run facts:update [-- path/to/models.json]
 */

import { writeFileSync } from 'node:fs'
import { compileFacts } from './facts/compile-facts.ts'
import { publishedFactsFile, readPublishedFacts } from './facts/published-facts.ts'

const path = process.argv[2] ?? publishedFactsFile
const facts = readPublishedFacts(path)
if (facts === undefined) {
  console.error(`there are no facts at ${path}; name the file: npm run facts:update -- path/to/models.json`)
  process.exit(2)
}
writeFileSync(new URL('../src/providers/model-facts.json', import.meta.url), compileFacts(facts))
console.log('src/providers/model-facts.json is written')
// Imported here, since the pages count the models that were just written.
await import('./write-provider-pages.ts')
