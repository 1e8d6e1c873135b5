/** What the bench says to its load process, and what it hears back. */

interface Request {
  readonly origin: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type LoadOrder =
  | (Request & {
      readonly kind: 'run'
      readonly concurrency: number
      readonly durationMs: number
      /** What the last bytes of a whole answer contain. */
      readonly ending: string
      /** So many are begun, evenly, whatever becomes of those before; absent: each as soon as another has ended. */
      readonly perSecond?: number
      /** A header that says something else in every request. */
      readonly freshHeader?: string
      /** A 503 is counted apart instead of stopping the bench. */
      readonly mayRefuse?: boolean
    })
  | (Request & { readonly kind: 'hold'; readonly streams: number })

export interface LoadReport {
  readonly kind: 'report'
  /** Those that were answered. */
  readonly requests: number
  readonly refused: number
  readonly elapsedMs: number
  readonly latenciesMs: readonly number[]
  /** The first answer that was not whole. */
  readonly failure?: string
}

export interface HoldReport {
  readonly kind: 'holding'
  readonly opened: number
}

export type LoadAnswer =
  | LoadReport
  | HoldReport
  | { readonly kind: 'released' }
  | { readonly kind: 'failed'; readonly reason: string }
