/**
 * `npm run conformance`: replays recorded traffic through every dialect and reads what comes out with the official SDKs.
 * `--only <dialect>`, `--id <exchange>`, `--seed <number>` narrow or vary it; `--write` keeps the matrix in docs/fidelity.md.
 */

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { corpusFiles, corpusFolder } from './corpus.ts'
import { matrix, writeFidelity } from './report.ts'
import { runCorpus } from './run-corpus.ts'
import type { Tally } from './tally.ts'

const DEFAULT_SEED = 65

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    id: { type: 'string' },
    seed: { type: 'string', default: String(DEFAULT_SEED) },
    write: { type: 'boolean', default: false },
  },
})

const folder = corpusFolder()
if (corpusFiles(folder).length === 0) {
  console.log(`There is no corpus in ${folder}; CORPUS_DIR names another folder.`)
  console.log('0 passed, 0 failed, all skipped')
} else {
  await run()
}

async function run(): Promise<void> {
  const seed = Number(values.seed)
  const tally = await runCorpus({
    folder,
    seed,
    ...(values.only === undefined ? {} : { only: values.only }),
    ...(values.id === undefined ? {} : { id: values.id }),
    // A replay of half a minute should not look dead.
    onFile: (file) => process.stderr.write(`replaying ${file}\n`),
  })
  tell(tally)
  if (values.write) {
    const date = new Date().toISOString().slice(0, 10)
    writeFileSync(new URL('../docs/fidelity.md', import.meta.url), writeFidelity(tally, { date, seed }))
  }
  console.log(`${tally.passed} passed, ${tally.failures.length} failed`)
  // A name that no exchange or dialect has is a mistake, not a success.
  process.exitCode = tally.failures.length === 0 && tally.exchanges > 0 ? 0 : 1
}

function tell(tally: Tally): void {
  console.log(matrix(tally))
  for (const [file, count] of tally.uncovered) console.log(`not covered: ${file} (${count} exchanges)`)
  for (const { where, check, fault } of tally.failures) console.log(`FAILED ${where} ${check}: ${fault}`)
}
