/** What the long form writes for machines: which commit was played, how much, and what came of it. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { repositoryRoot } from '../tools/checks/source-files.ts'
import { missingFrom, REQUIRED } from './coverage.ts'
import type { CutTally } from './cuts.ts'
import { invariants } from './invariants/index.ts'
import type { Tally } from './run-seeds.ts'

const FAULT = 'fault: '

export interface LongRun {
  readonly tally: Tally
  readonly cuts: CutTally
  readonly seconds: number
}

export async function reliabilityOf({ tally, cuts, seconds }: LongRun): Promise<object> {
  const broken = tally.breaches.flatMap(({ breaches }) => breaches)
  const missing = missingFrom(tally.coverage)
  return {
    commit: await commitOf(),
    date: new Date().toISOString().slice(0, 10),
    command: 'npm run sim -- --long',
    seeds: tally.seeds,
    simulatedRequests: tally.requests,
    providerCalls: tally.calls,
    seconds: Math.round(seconds),
    invariantFailures: broken.length,
    invariants: Object.fromEntries(
      invariants.map(({ id, title }) => [
        id,
        { title, failures: broken.filter(({ invariant }) => invariant === id).length },
      ]),
    ),
    cuts: {
      made: cuts.cuts,
      soldAsWhole: cuts.soldAsWhole.length,
      takenForPart: cuts.takenForPart.length,
    },
    faults: countsOf(tally.coverage, (name) => name.startsWith(FAULT)),
    sometimes: {
      required: REQUIRED.length,
      reached: REQUIRED.length - missing.length,
      missing,
      counts: countsOf(tally.coverage, (name) => !name.startsWith(FAULT)),
    },
  }
}

function countsOf(counts: Tally['coverage'], isWanted: (name: string) => boolean): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts)
      .filter(([name]) => isWanted(name))
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  )
}

/** Empty where the tree is no checkout. */
async function commitOf(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd: repositoryRoot })
    return stdout.trim()
  } catch {
    return ''
  }
}
