/** The parent's side of the load process: gives it orders one after another. */

import type { ChildProcess } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Cell, endingOf, pathOf, requestBody } from './cells.ts'
import type { Contestant } from './contestants.ts'
import type { LoadAnswer, LoadOrder, LoadReport } from './load-order.ts'
import { startPinned, stop } from './processes.ts'

export interface RunOptions {
  readonly concurrency: number
  readonly durationMs: number
  /** Absent: as many as are answered. */
  readonly perSecond?: number
  /** Whether a 503 is counted apart instead of stopping the bench. */
  readonly mayRefuse?: boolean
}

export class LoadProcess {
  readonly #child: ChildProcess
  /** The order that waits for its answer; there is never more than one. */
  #waiting: PromiseWithResolvers<LoadAnswer> | undefined

  constructor() {
    const file = join(dirname(fileURLToPath(import.meta.url)), 'load.ts')
    this.#child = startPinned({ core: 'load', command: [process.execPath, file], hasMessages: true })
    // load.ts sends nothing but LoadAnswer.
    this.#child.on('message', (answer) => this.#waiting?.resolve(answer as LoadAnswer))
    this.#child.on('exit', (code) => this.#waiting?.reject(new Error(`the load process ended with ${code}`)))
  }

  /** Keeps requests of a cell in flight for a while; throws when an answer was not whole. */
  async run(contestant: Contestant, cell: Cell, options: RunOptions): Promise<LoadReport> {
    const ending = endingOf(cell)
    const answer = await this.#order({ ...requestTo(contestant, cell), ...options, kind: 'run', ending })
    if (answer.kind !== 'report') throw new Error(`the load process answered ${JSON.stringify(answer)}`)
    if (answer.failure !== undefined) throw new Error(`${contestant.name}, ${cell.name}: ${answer.failure}`)
    return answer
  }

  /** Opens streams that stay open; returns how many did. */
  async hold(contestant: Contestant, cell: Cell, streams: number, model: string): Promise<number> {
    const answer = await this.#order({
      ...requestTo(contestant, cell),
      body: requestBody(cell, model),
      kind: 'hold',
      streams,
    })
    if (answer.kind !== 'holding') throw new Error(`the load process answered ${JSON.stringify(answer)}`)
    return answer.opened
  }

  /** Lets go of the streams that are held. */
  async release(): Promise<void> {
    await this.#order('release')
  }

  async close(): Promise<void> {
    await stop(this.#child)
  }

  async #order(order: LoadOrder | 'release'): Promise<LoadAnswer> {
    this.#waiting = Promise.withResolvers<LoadAnswer>()
    this.#child.send(order)
    return this.#waiting.promise
  }
}

function requestTo(contestant: Contestant, cell: Cell) {
  return {
    origin: contestant.origin,
    path: pathOf(cell, contestant.model(cell)),
    headers: contestant.headers(cell),
    ...(contestant.freshHeader === undefined ? {} : { freshHeader: contestant.freshHeader }),
    body: requestBody(cell, contestant.model(cell)),
  }
}
