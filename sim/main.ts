/**
 * `npm run sim`: the whole core under virtual time, with faults drawn from seeds and every invariant checked.
 *   --seed N         plays one seed twice, says whether both went alike, and shrinks what fails
 *   --seeds A..B     plays these seeds (default 1..100)
 *   --long           1,000 seeds, 1,000,000 requests and 1,000,000 cuts of streams at least, on all cores; writes
 *                    RELIABILITY.json
 *   --json           the result as JSON
 */

import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { missingFrom } from './coverage.ts'
import { cutEverywhere } from './cuts.ts'
import { play } from './play.ts'
import { reliabilityOf } from './reliability.ts'
import { writeOwnPart } from './reliability-file.ts'
import { addTally, NOTHING, runSeeds, type SeedRange, type Tally } from './run-seeds.ts'
import { describeScene, shrink } from './shrink.ts'
import { drawScene } from './swarm.ts'

const LONG_SEEDS = 1_000
const LONG_REQUESTS = 1_000_000
/** Cuts of streams, at every byte. */
const LONG_CUTS = 1_000_000
/** Seeds that one process plays at a time. */
const BATCH = 25

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1..100' },
    long: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
})

if (flags.child !== undefined) process.send?.(await runSeeds(rangeOf(flags.child)))
else if (flags.seed !== undefined) await replay(Number(flags.seed))
else if (flags.long) await runLong()
else tell(await runSeeds(rangeOf(flags.seeds)))

async function replay(seed: number): Promise<void> {
  const scene = drawScene(seed)
  const first = await play(scene)
  const second = await play(drawScene(seed))
  const isSame = first.hash === second.hash
  console.log(`seed ${seed}: ${first.requests} requests, ${first.calls} calls, history ${first.hash}`)
  console.log(
    isSame ? 'Played twice, with the same history.' : `Played twice, and the second was ${second.hash}.`,
  )
  for (const { invariant, message } of first.breaches) console.log(`${invariant}: ${message}`)
  const [breach] = first.breaches
  if (breach !== undefined) {
    const breaks = async (candidate: typeof scene) =>
      (await play(candidate)).breaches.map(({ invariant }) => invariant)
    const shrunk = await shrink(scene, breach.invariant, breaks)
    console.log(`The smallest scene that still breaks ${breach.invariant} (${shrunk.plays} plays):`)
    console.log(describeScene(shrunk.scene))
  }
  process.exitCode = isSame && breach === undefined ? 0 : 1
}

/** Batches of seeds, one a core at a time, until there is enough of both. */
async function runLong(): Promise<void> {
  const startedAtMs = performance.now()
  let tally = NOTHING
  let next = 1
  const isEnough = () => tally.seeds >= LONG_SEEDS && tally.requests >= LONG_REQUESTS
  const work = async () => {
    while (!isEnough()) {
      const from = next
      next += BATCH
      const part = await runInProcess({ from, to: from + BATCH - 1 })
      tally = addTally(tally, part)
      for (const { seed } of part.breaches) process.stderr.write(`npm run sim -- --seed ${seed}\n`)
      process.stderr.write(
        `${tally.seeds} seeds, ${tally.requests} requests, ${tally.breaches.length} failed\n`,
      )
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  const cuts = cutEverywhere(LONG_CUTS)
  for (const told of [...cuts.soldAsWhole, ...cuts.takenForPart]) console.log(`cut: ${told}`)
  if (cuts.soldAsWhole.length + cuts.takenForPart.length > 0) process.exitCode = 1
  await writeOwnPart(await reliabilityOf({ tally, cuts, seconds: (performance.now() - startedAtMs) / 1_000 }))
  tell(tally)
  const missing = missingFrom(tally.coverage)
  for (const name of missing) console.log(`never happened: ${name}`)
  if (missing.length > 0) process.exitCode = 1
}

function runInProcess(range: SeedRange): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, ['--child', `${range.from}..${range.to}`])
    // What a child of ours sends is a tally.
    child.once('message', (tally) => resolve(tally as Tally))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`a process of the simulation ended with ${code}`)))
  })
}

function rangeOf(text: string): SeedRange {
  const [from = 1, to = from] = text.split('..').map(Number)
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to)) return { from, to }
  throw new Error(`${text} is no range of seeds: write 1..100`)
}

function tell(tally: Tally): void {
  if (flags.json) console.log(JSON.stringify(tally, undefined, 2))
  else {
    console.log(`${tally.seeds} seeds, ${tally.requests} requests, ${tally.calls} calls of providers`)
    for (const { seed, breaches } of tally.breaches) {
      for (const { invariant, message } of breaches) console.log(`seed ${seed}: ${invariant}: ${message}`)
      console.log(`npm run sim -- --seed ${seed}`)
    }
    console.log(`${tally.breaches.length} seeds broke an invariant`)
  }
  if (tally.breaches.length > 0) process.exitCode = 1
}
