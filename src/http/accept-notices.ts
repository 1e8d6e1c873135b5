/** Trouble with accepting connections, told without flooding the log (faults 104, 139). */

import type { Clock } from '../std/clock.ts'
import type { NoticeRecord, Telemetry } from '../telemetry/records.ts'

/** Each trouble is said once in this time, with a count. */
const NOTICE_MS = 10_000

export class AcceptNotices {
  readonly #failed: RareNotice
  readonly #refused: RareNotice

  constructor(clock: Clock, notices: Telemetry['notices']) {
    this.#failed = new RareNotice(clock, notices)
    this.#refused = new RareNotice(clock, notices)
  }

  /** EMFILE and its like, or as many connections as there may be in all: the listener lives on. */
  failed(code: string): void {
    this.#failed.say((count) => ({
      level: 'error',
      name: 'accept_failed',
      message: 'Connections could not be accepted: raise the limit of open files, or lower the load.',
      facts: { code, count },
    }))
  }

  /** One address has all the connections that it may have. */
  refused(address: string, connectionsMax: number): void {
    this.#refused.say((count) => ({
      level: 'warn',
      name: 'address_full',
      message: `${address} has ${connectionsMax} connections open, the most that one address may have: further ones are closed. Where it is a proxy of yours, raise limits.connectionsPerAddress, or set it to false.`,
      facts: { address, count },
    }))
  }
}

class RareNotice {
  readonly #clock: Clock
  readonly #notices: Telemetry['notices']
  #count = 0
  #saidAtMs = -Infinity

  constructor(clock: Clock, notices: Telemetry['notices']) {
    this.#clock = clock
    this.#notices = notices
  }

  /** `count`: how often it happened since it was said last. */
  say(notice: (count: number) => NoticeRecord): void {
    this.#count += 1
    const nowMs = this.#clock.nowMs()
    if (nowMs - this.#saidAtMs < NOTICE_MS) return
    this.#saidAtMs = nowMs
    this.#notices.publish(notice(this.#count))
    this.#count = 0
  }
}
