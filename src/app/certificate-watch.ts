/** Says in time that the gateway's own certificate ends: clients refuse one that has, and nobody else would tell the operator. */

import { type Clock, repeat, type Timer } from '../std/clock.ts'
import type { NoticeRecord } from '../telemetry/records.ts'
import type { OwnCertificate } from './config/config.ts'

const DAY_MS = 24 * 3_600_000
/** Days before the end at which it is told, the last one first. */
const WARNED_DAYS = [1, 7, 30] as const
/** From here on it is told. */
export const CERTIFICATE_SOON_MS = 30 * DAY_MS
/** How often the wall clock is looked at: it may jump, and a machine may sleep. */
export const CERTIFICATE_LOOK_MS = 3_600_000

type Stage = 'ended' | (typeof WARNED_DAYS)[number]

export interface CertificateWatchOptions {
  readonly clock: Clock
  onNotice(notice: NoticeRecord): void
}

export class CertificateWatch {
  readonly #options: CertificateWatchOptions
  #certificate: OwnCertificate | undefined
  /** What was told of it last. */
  #told: Stage | undefined
  #timer: Timer | undefined

  constructor(options: CertificateWatchOptions) {
    this.#options = options
  }

  /** The one that is served; absent where there is none. */
  get certificate(): OwnCertificate | undefined {
    return this.#certificate
  }

  /** When the one that is served ends; absent where there is none. */
  get endsAtMs(): number | undefined {
    return this.#certificate?.endsAtMs
  }

  /** The one that is served from now on; called again with the same one it tells nothing twice. */
  follow(certificate: OwnCertificate): void {
    if (certificate.fingerprint !== this.#certificate?.fingerprint) this.#told = undefined
    this.#certificate = certificate
    this.#timer ??= repeat(this.#options.clock, CERTIFICATE_LOOK_MS, () => this.#look())
    this.#look()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #look(): void {
    const certificate = this.#certificate
    if (certificate === undefined) return
    const leftMs = certificate.endsAtMs - this.#options.clock.wallMs()
    const stage = stageOf(leftMs)
    if (stage === this.#told) return
    this.#told = stage
    if (stage !== undefined) this.#options.onNotice(noticeOf(certificate, leftMs, stage))
  }
}

function stageOf(leftMs: number): Stage | undefined {
  if (leftMs <= 0) return 'ended'
  return WARNED_DAYS.find((days) => leftMs <= days * DAY_MS)
}

function noticeOf({ certPath, endsAtMs }: OwnCertificate, leftMs: number, stage: Stage): NoticeRecord {
  const endsAt = new Date(endsAtMs).toISOString()
  const facts = { endsAt, daysLeft: Math.floor(leftMs / DAY_MS), path: certPath }
  const advice = 'put a newer one and its key in place of the files, no restart is needed'
  return stage === 'ended'
    ? {
        level: 'error',
        name: 'certificate_ended',
        message: `The certificate of this gateway has ended at ${endsAt}, and clients refuse it: ${advice}.`,
        facts,
      }
    : {
        level: stage === 1 ? 'error' : 'warn',
        name: 'certificate_ends',
        message: `The certificate of this gateway ends in less than ${stage === 1 ? 'a day' : `${stage} days`}, at ${endsAt}: ${advice}.`,
        facts,
      }
}
