/**
 * The load of the bench: a process of its own that keeps a fixed number of requests in flight against one address for a
 * while, judges every answer, and reports counts and latencies to its parent.
 */

import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { type Dispatcher, Pool } from 'undici'
import type { HoldReport, LoadOrder, LoadReport } from './load-order.ts'

/** The last bytes of an answer that are kept to see whether it is whole. */
const TAIL_BYTES = 256
const REFUSED = 'refused'
const LATENCIES_MAX = 200_000

let releaseHeld: (() => void) | undefined

process.on('message', (order: LoadOrder | 'release') => {
  if (order === 'release') {
    releaseHeld?.()
    return
  }
  const work = order.kind === 'run' ? run(order) : hold(order)
  work.then(
    (report) => process.send?.(report),
    (error: unknown) => process.send?.({ kind: 'failed', reason: String(error) }),
  )
})

type RunOrder = Extract<LoadOrder, { kind: 'run' }>

async function run(order: RunOrder): Promise<LoadReport> {
  const pool = new Pool(order.origin, { connections: order.concurrency, pipelining: 1 })
  const latencies: number[] = []
  let requests = 0
  let refused = 0
  const failures: string[] = []
  const startMs = performance.now()
  const endMs = startMs + order.durationMs
  const ask = async (): Promise<void> => {
    const sentMs = performance.now()
    const fault = await exchange(pool, order)
    if (fault === REFUSED) refused++
    else if (fault !== undefined) failures.push(fault)
    else if (latencies.length < LATENCIES_MAX) latencies.push(performance.now() - sentMs)
    if (fault !== REFUSED) requests++
  }
  const isOver = () => performance.now() >= endMs || failures.length > 0
  const lane = async (): Promise<void> => {
    while (!isOver()) await ask()
  }
  if (order.perSecond === undefined) await Promise.all(Array.from({ length: order.concurrency }, lane))
  else await pace(ask, order.perSecond, isOver)
  const elapsedMs = performance.now() - startMs
  await pool.close()
  const [failure] = failures
  return {
    kind: 'report',
    requests,
    refused,
    elapsedMs,
    latenciesMs: latencies,
    ...(failure ? { failure } : {}),
  }
}

/** Begins requests evenly; what is late because this process was begins at once. */
async function pace(ask: () => Promise<void>, perSecond: number, isOver: () => boolean): Promise<void> {
  const asked: Promise<void>[] = []
  const startMs = performance.now()
  while (!isOver()) {
    const due = ((performance.now() - startMs) / 1_000) * perSecond
    while (asked.length < due) asked.push(ask())
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
  await Promise.all(asked)
}

/** One request; resolves to what was wrong with the answer, if anything was. */
async function exchange(pool: Pool, order: RunOrder): Promise<string | undefined> {
  const request = requestOf(order)
  const { freshHeader } = order
  if (freshHeader !== undefined) request.headers = { ...order.headers, [freshHeader]: randomUUID() }
  return new Promise((resolve) => {
    let status = 0
    let tail = ''
    pool.dispatch(request, {
      onRequestStart() {},
      onResponseStart(_controller, statusCode) {
        status = statusCode
      },
      onResponseData(_controller, chunk) {
        tail =
          chunk.length >= TAIL_BYTES
            ? chunk.toString('latin1', chunk.length - TAIL_BYTES)
            : (tail + chunk.toString('latin1')).slice(-TAIL_BYTES)
      },
      onResponseEnd() {
        if (status === 503 && order.mayRefuse === true) return resolve(REFUSED)
        resolve(
          status === 200 && tail.includes(order.ending) ? undefined : `status ${status}, ending ${tail}`,
        )
      },
      onResponseError(_controller, error) {
        resolve(String(error))
      },
    })
  })
}

/** Opens streams until all of them have begun, keeps them open until told to let go. */
async function hold(order: Extract<LoadOrder, { kind: 'hold' }>): Promise<HoldReport> {
  const pool = new Pool(order.origin, { connections: order.streams, pipelining: 1, bodyTimeout: 0 })
  const controllers: Dispatcher.DispatchController[] = []
  let waiting = order.streams
  let opened = 0
  const lane = async (): Promise<void> => {
    while (waiting > 0) {
      waiting--
      if (await begin(pool, order, controllers)) opened++
    }
  }
  await Promise.all(Array.from({ length: 64 }, lane))
  releaseHeld = () => {
    for (const controller of controllers) controller.abort(new Error('the bench is done'))
    void pool.destroy().then(() => process.send?.({ kind: 'released' }))
  }
  return { kind: 'holding', opened }
}

/** Resolves once content of this stream has arrived. */
async function begin(
  pool: Pool,
  order: Extract<LoadOrder, { kind: 'hold' }>,
  controllers: Dispatcher.DispatchController[],
): Promise<boolean> {
  return new Promise((resolve) => {
    pool.dispatch(requestOf(order), {
      onRequestStart(controller) {
        controllers.push(controller)
      },
      onResponseStart() {},
      onResponseData(_controller, chunk) {
        if (chunk.includes('word')) resolve(true)
      },
      onResponseEnd: () => resolve(false),
      onResponseError: () => resolve(false),
    })
  })
}

function requestOf(order: LoadOrder): Dispatcher.DispatchOptions {
  return { path: order.path, method: 'POST', headers: order.headers, body: order.body }
}
