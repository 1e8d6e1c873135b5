/** One thing examined: how it is, and what to do about it. */

export type CheckStatus = 'ok' | 'warn' | 'fail' | 'skip'

export interface CheckResult {
  /** The provider's id, or `machine`. */
  readonly subject: string
  /** What was examined: `dns`, `connection`, `key`, `completion`, `tool-call`, `port`, `disk`, `clock`, `descriptors`, ... */
  readonly check: string
  readonly status: CheckStatus
  /** What was found, one line. */
  readonly message: string
  /** What to do, where something is to be done. */
  readonly nextStep?: string
  readonly durationMs: number
}

export interface DoctorReport {
  /** Nothing failed; warnings and skipped checks do not count. */
  readonly isHealthy: boolean
  readonly checks: readonly CheckResult[]
}

/** What a check found, before it is known whose check it was and how long it took. */
export type Finding = Omit<CheckResult, 'subject' | 'check' | 'durationMs'>

export const ok = (message: string): Finding => ({ status: 'ok', message })
export const skip = (message: string): Finding => ({ status: 'skip', message })
export const warn = (message: string, nextStep: string): Finding => ({ status: 'warn', message, nextStep })
export const fail = (message: string, nextStep: string): Finding => ({ status: 'fail', message, nextStep })
