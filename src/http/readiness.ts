/** How `/readyz` tells a balancer whether to send requests here: alike on both listeners. */

import type { Readiness } from '../exchange/gateway.ts'

export interface ReadinessAnswer {
  /** 503 only where requests are no longer taken, or none was while the process was stuck: one that is slow still serves better than none. */
  readonly status: 200 | 503
  readonly body: { readonly status: 'ready' | 'degraded' | 'not ready'; readonly reasons: readonly string[] }
}

export function readinessAnswer({ isReady, isDegraded, reasons }: Readiness): ReadinessAnswer {
  if (!isReady) return { status: 503, body: { status: 'not ready', reasons } }
  return { status: 200, body: { status: isDegraded === true ? 'degraded' : 'ready', reasons } }
}
