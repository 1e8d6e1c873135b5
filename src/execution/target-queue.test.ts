import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { PROBE_LOOK_MS } from '../resilience/held-states.ts'
import { LIMITED_DEFAULT_MS } from '../resilience/target-health.ts'
import type { TargetNode } from '../routing/plan.ts'
import { healthKey } from '../routing/planner.ts'
import { StopSource } from '../std/stop-signal.ts'
import { ManualClock, wallTarget } from '../upstream/wall.ts'
import { freshDeps } from './deps.test-support.ts'
import { TargetQueue } from './target-queue.ts'

const spent = new GatewayError('model_quota_exhausted', 'spent for today')

/** Requests that come while a target's daily quota may have come back: all of them know the same. */
function createWorld() {
  const clock = new ManualClock()
  const deps = freshDeps(clock)
  const { health } = deps
  const target = wallTarget('http://127.0.0.1:1')
  health.recordFailure(healthKey(target), spent, clock.nowMs())
  clock.advance(LIMITED_DEFAULT_MS)
  const node: TargetNode = { type: 'target', target, verdict: { type: 'available' } }
  const waits: { readonly delayMs: number; end(): void }[] = []
  const queue = () =>
    new TargetQueue([node], {
      ...deps,
      priority: 'normal',
      signal: new StopSource(),
      mayCall: () => true,
      queued: (waiting) => waiting,
      leftMs: () => 60_000,
      wait: (delayMs) =>
        new Promise((resolve) => {
          waits.push({
            delayMs,
            end() {
              clock.advance(delayMs)
              resolve()
            },
          })
        }),
    })
  return { clock, health, target, queue, waits }
}

test('fault 24: one request finds out whether the quota has come back, and those beside it wait for what it finds', async () => {
  const { health, target, queue, waits, clock } = createWorld()
  const began = clock.nowMs()
  expect((await queue().take())?.target).toBe(target)
  const second = queue().take()
  const third = queue().take()
  expect(waits.map(({ delayMs }) => delayMs >= PROBE_LOOK_MS)).toEqual([true, true])
  health.recordSuccess(healthKey(target), began, clock.nowMs())
  for (const wait of waits) wait.end()
  expect((await Promise.all([second, third])).map((taken) => taken?.target)).toEqual([target, target])
})

test('fault 24: where it has not, nobody else asks, and all are told what it was told', async () => {
  const { health, target, queue, waits, clock } = createWorld()
  await queue().take()
  const other = queue()
  const taken = other.take()
  health.recordFailure(
    healthKey(target),
    new GatewayError('model_quota_exhausted', 'still spent', { retryAfterMs: 300_000 }),
    clock.nowMs(),
  )
  for (const wait of waits) wait.end()
  expect(await taken).toBeUndefined()
  expect(other.refusals).toMatchObject([{ code: 'model_quota_exhausted' }])
})
