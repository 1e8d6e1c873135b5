/** A sample of the recorded traffic, on every run; `npm run conformance` replays all of it. */

import { describe, expect, test } from 'vitest'
import { corpusFiles, corpusFolder } from '../../conformance/corpus.ts'
import { runCorpus } from '../../conformance/run-corpus.ts'

const folder = corpusFolder()
const isThere = corpusFiles(folder).length > 0
const whySkipped = isThere ? '' : ' (skipped: no corpus beside the repository, and CORPUS_DIR names none)'

describe.skipIf(!isThere)(`recorded traffic${whySkipped}`, () => {
  test('keeps its meaning through every dialect: one exchange of every second group', {
    timeout: 120_000,
  }, async () => {
    const tally = await runCorpus({ folder, seed: 65, sampleEvery: 2 })
    expect(tally.failures).toEqual([])
    expect(tally.passed).toBeGreaterThan(10_000)
  })
})
