/** Runs the cells: contestants take turns within each round, so that whatever else the machine does falls on all alike. */

import type { Cell } from './cells.ts'
import type { Contestant } from './contestants.ts'
import type { LoadProcess } from './load-process.ts'
import { canReadCpu, cpuTimeUs } from './processes.ts'
import { median, percentile } from './statistics.ts'

export interface Plan {
  readonly rounds: number
  /** How long each contestant is under full load in a round. */
  readonly loadMs: number
  /** How long each is asked one request at a time, for latency. */
  readonly latencyMs: number
  readonly warmUpMs: number
  /** Requests in flight under full load. */
  readonly concurrency: number
}

/** Medians over the rounds. */
export interface CellFigures {
  readonly contestant: string
  /** CPU time of the contestant's processes for each request under full load, µs; absent where it cannot be read. */
  readonly cpuUs?: number
  readonly requestsPerSecond: number
  /** Latency of single requests over that of the upstream asked directly, µs; absent where the upstream sets the pace. */
  readonly addedP50Us?: number
  readonly addedP99Us?: number
}

export interface CellResult {
  readonly cell: Cell
  readonly figures: readonly CellFigures[]
}

interface Sample {
  readonly cpuUs?: number
  readonly requestsPerSecond: number
  readonly latency?: Latency
}

interface Latency {
  readonly p50Us: number
  readonly p99Us: number
}

interface Race {
  readonly cell: Cell
  readonly load: LoadProcess
  readonly plan: Plan
}

/** Measures one cell for everyone who can serve it. */
export async function measureCell(
  race: Race,
  direct: Contestant,
  contestants: readonly Contestant[],
): Promise<CellResult> {
  const { cell, plan } = race
  const taking = [direct, ...contestants.filter((contestant) => contestant.canServe(cell))]
  const samples = new Map<string, Sample[]>(taking.map(({ name }) => [name, []]))
  for (const contestant of taking) await warmUp(race, contestant)
  for (let round = 0; round < plan.rounds; round++) {
    for (const contestant of rotated(taking, round)) {
      samples.get(contestant.name)?.push(await sample(race, contestant))
    }
  }
  const directSamples = samples.get(direct.name) ?? []
  return {
    cell,
    figures: taking
      .filter((contestant) => contestant !== direct)
      .map(({ name }) => figuresOf(name, samples.get(name) ?? [], directSamples)),
  }
}

async function warmUp({ load, cell, plan }: Race, contestant: Contestant): Promise<void> {
  await load.run(contestant, cell, { concurrency: plan.concurrency, durationMs: plan.warmUpMs })
}

async function sample(race: Race, contestant: Contestant): Promise<Sample> {
  const { load, cell, plan } = race
  const cpuBeforeUs = readCpu(contestant)
  const loaded = await load.run(contestant, cell, {
    concurrency: plan.concurrency,
    durationMs: plan.loadMs,
  })
  const cpuAfterUs = readCpu(contestant)
  const latency = cell.answer === 'paced' ? undefined : await measureLatency(race, contestant)
  return {
    ...(cpuBeforeUs === undefined || cpuAfterUs === undefined
      ? {}
      : { cpuUs: (cpuAfterUs - cpuBeforeUs) / loaded.requests }),
    requestsPerSecond: (loaded.requests / loaded.elapsedMs) * 1_000,
    ...(latency === undefined ? {} : { latency }),
  }
}

async function measureLatency({ load, cell, plan }: Race, contestant: Contestant): Promise<Latency> {
  const single = await load.run(contestant, cell, { concurrency: 1, durationMs: plan.latencyMs })
  return {
    p50Us: percentile(single.latenciesMs, 0.5) * 1_000,
    p99Us: percentile(single.latenciesMs, 0.99) * 1_000,
  }
}

function readCpu({ pid }: Contestant): number | undefined {
  return pid === undefined || !canReadCpu ? undefined : cpuTimeUs(pid)
}

function figuresOf(name: string, samples: readonly Sample[], direct: readonly Sample[]): CellFigures {
  const cpu = samples.flatMap(({ cpuUs }) => (cpuUs === undefined ? [] : [cpuUs]))
  return {
    contestant: name,
    ...(cpu.length === 0 ? {} : { cpuUs: median(cpu) }),
    requestsPerSecond: median(samples.map(({ requestsPerSecond }) => requestsPerSecond)),
    ...addedLatency(samples, direct),
  }
}

/** Latency is compared within a round: the direct sample stands beside the contestant's. */
function addedLatency(samples: readonly Sample[], direct: readonly Sample[]) {
  const pairs = samples.flatMap(({ latency }, round) => {
    const base = direct[round]?.latency
    return latency === undefined || base === undefined ? [] : [{ latency, base }]
  })
  if (pairs.length === 0) return {}
  return {
    addedP50Us: median(pairs.map(({ latency, base }) => latency.p50Us - base.p50Us)),
    addedP99Us: median(pairs.map(({ latency, base }) => latency.p99Us - base.p99Us)),
  }
}

/** Everyone goes first in some round. */
function rotated<T>(values: readonly T[], by: number): readonly T[] {
  const at = by % values.length
  return [...values.slice(at), ...values.slice(0, at)]
}
