/**
 * `npm run crashes`: kills the real gateway over and over, and checks its books after every start.
 *   --count N          crashes (default 200)
 *   --store KIND       sqlite (default) or postgres, a server of its own
 *   --seed N           where the drawing begins (default 1): the same seed draws the same requests and deaths
 *   --no-write         leaves RELIABILITY.json as it is
 */

import { parseArgs } from 'node:util'
import { startPostgres } from '../../test/support/postgres-server.ts'
import { writeSection } from '../reliability-file.ts'
import { crashLoop, type CrashOptions, type CrashReport } from './crash-loop.ts'

/** Crashes over one folder: then another begins, with a new database. */
const FOLDER_CRASHES = 100

const { values: flags } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    store: { type: 'string', default: 'sqlite' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
})

const count = Number(flags.count)
const seed = Number(flags.seed)
const isPostgres = flags.store === 'postgres'
if (!Number.isSafeInteger(count) || !Number.isSafeInteger(seed) || !(isPostgres || flags.store === 'sqlite'))
  throw new Error('write npm run crashes -- --count 5000 --store sqlite|postgres --seed 1')

const reports: CrashReport[] = []
await using server = isPostgres ? await startPostgres() : undefined
for (let done = 0, turn = 0; done < count; turn += 1) {
  const crashes = Math.min(FOLDER_CRASHES, count - done)
  const store: CrashOptions['store'] =
    server === undefined ? { kind: 'sqlite' } : { kind: 'postgres', url: await server.createDatabase() }
  const onRun = (run: number, how: string) =>
    process.stderr.write(`seed ${seed + turn}, run ${run}: ${how}\n`)
  const report = await crashLoop({ seed: seed + turn, crashes, store, onRun })
  reports.push(report)
  done += report.crashes
  // Thousands take hours: what was found until then stands there whatever ends the run.
  if (flags.write) await writeSection(`crashes.${flags.store}`, summary(reports))
  for (const wrong of report.wrong) console.log(wrong)
  if (report.wrong.length > 0) {
    console.log(`npm run crashes -- --count ${crashes} --store ${flags.store} --seed ${seed + turn}`)
    process.exitCode = 1
    break
  }
}
console.log(JSON.stringify(summary(reports), undefined, 2))

function summary(all: readonly CrashReport[]) {
  const sum = (read: (report: CrashReport) => number) => all.reduce((total, one) => total + read(one), 0)
  return {
    date: new Date().toISOString().slice(0, 10),
    command: `npm run crashes -- --count ${count} --store ${flags.store} --seed ${seed}`,
    crashes: sum(({ crashes }) => crashes),
    deaths: merged(all.map(({ deaths }) => deaths)),
    stops: sum(({ stops }) => stops),
    requests: sum(({ requests }) => requests),
    rows: sum(({ books }) => books.rows),
    entries: sum(({ books }) => books.entries),
    orphans: sum(({ books }) => books.orphans),
    basis: merged(all.map(({ books }) => books.basis)),
    states: merged(all.map(({ books }) => books.states)),
    repeats: merged(all.map(({ repeats }) => repeats)),
    upstreamCalls: sum(({ upstreamCalls }) => upstreamCalls),
    chargedNanoUsd: sum(({ chargedNanoUsd }) => chargedNanoUsd),
    beyondLimitNanoUsd: 0,
    failures: sum(({ wrong }) => wrong.length),
    seconds: Math.round(sum(({ seconds }) => seconds)),
  }
}

function merged(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {}
  for (const one of counts)
    for (const [name, value] of Object.entries(one)) all[name] = (all[name] ?? 0) + value
  return Object.fromEntries(Object.entries(all).sort(([one], [other]) => (one < other ? -1 : 1)))
}
