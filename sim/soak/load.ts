/** The load of a soak, as a process of its own: the provider, and the clients that keep the gateway as busy as it can be. */

import { befalls, wholeBetween } from '../../src/drill/engine/chance.ts'
import { randomFor } from '../../src/simulator/seed.ts'
import type { Random } from '../../src/std/ids.ts'
import { ask, type Asked } from '../crash/ask.ts'
import { MISFORTUNES, type Misfortune, startPricedUpstream } from '../crash/priced-upstream.ts'
import { type FromLoad, type LoadCounts, type LoadOrder, PLAIN_TAG, type ToLoad } from './load-messages.ts'
import { RestingPlace } from './resting-place.ts'

/** Of each kind of misfortune, and of clients that leave. */
const SHARE = 0.01
const TELL_EVERY_MS = 1_000

const counts = {
  requests: 0,
  statuses: {} as Record<string, number>,
  misfortunes: {} as Record<string, number>,
  upstreamCalls: 0,
  chargedNanoUsd: 0,
  plainChargedNanoUsd: {} as Record<string, number>,
}
const upstream = await startPricedUpstream({
  onCall: ({ mark, chargedNanoUsd }) => {
    counts.upstreamCalls += 1
    counts.chargedNanoUsd += chargedNanoUsd
    const [kind = '', keyId = ''] = mark.split('.')
    if (kind === 'plain') add(counts.plainChargedNanoUsd, keyId, chargedNanoUsd)
  },
})
const state = { isStopped: false }
const rests = new RestingPlace(() => tell({ type: 'resting' }))

process.on('message', (message: ToLoad) => {
  switch (message.type) {
    case 'start':
      void load(message.order)
      return
    case 'pause':
      rests.close()
      return
    case 'stop':
      state.isStopped = true
      rests.open()
      return
    case 'go':
      rests.open()
  }
})
tell({ type: 'upstream', baseUrl: upstream.baseUrl })

async function load(order: LoadOrder): Promise<void> {
  const telling = setInterval(
    () => tell({ type: 'counts', counts: snapshot(), isLast: false }),
    TELL_EVERY_MS,
  )
  await Promise.all(Array.from({ length: order.concurrency }, (_, client) => beClient(order, client)))
  clearInterval(telling)
  // The provider notes a call that was broken off a moment after it was.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  tell({ type: 'counts', counts: snapshot(), isLast: true })
  await upstream[Symbol.asyncDispose]()
  process.disconnect?.()
}

async function beClient(order: LoadOrder, client: number): Promise<void> {
  const random = randomFor(order.seed, `client ${client}`)
  rests.join()
  for (let turn = 0; await mayAsk(); turn += 1) {
    const asked = drawAsked(order, random, `${client}.${turn}`)
    const { status, isWhole } = await ask(order.url, asked)
    counts.requests += 1
    add(counts.statuses, status === undefined ? 'none' : isWhole ? String(status) : `${status}, not whole`, 1)
    // Who is refused waits a little, as every client library does.
    if (status === undefined || status >= 400) await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Waits where the load rests. */
async function mayAsk(): Promise<boolean> {
  await rests.pass()
  return !state.isStopped
}

function drawAsked({ keys }: LoadOrder, random: Random, id: string): Asked {
  const misfortune: Misfortune = MISFORTUNES.find(() => befalls(random, SHARE)) ?? 'none'
  const leaves = befalls(random, SHARE)
  const tenant = keys[Math.floor(random.next() * keys.length)]
  if (tenant === undefined) throw new Error('there are no keys')
  const isPlain = misfortune === 'none' && !leaves
  add(counts.misfortunes, leaves ? 'client leaves' : misfortune, 1)
  const mark = `${isPlain ? 'plain' : 'ill'}.${tenant.id}.${id}`
  return {
    mark,
    tenant: { ...tenant, isRevoked: false },
    isStream: befalls(random, 0.5),
    misfortune,
    paceMs: 0,
    maxTokens: 12,
    idempotencyKey: befalls(random, 0.05) ? mark : undefined,
    leavesAfterMs: leaves ? wholeBetween(random, 1, 40) : undefined,
    ...(isPlain && { tag: PLAIN_TAG }),
  }
}

function snapshot(): LoadCounts {
  return structuredClone(counts)
}

function tell(message: FromLoad): void {
  process.send?.(message)
}

function add(totals: Record<string, number>, name: string, value: number): void {
  totals[name] = (totals[name] ?? 0) + value
}
