/** A user who stops waiting: the official SDKs' own abort reaches the provider at once, whatever was going on. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/std/clock.ts'
import { openStage, type Stage, UPSTREAMS } from '../support/clients.ts'
import { SDK_FACES, type SdkFace } from '../support/sdk-faces.ts'

/** How long the provider may go on unawares (ms). */
const CANCEL_MS = 100
/** A busy machine may be late now and then; the gateway itself may not be late every time. */
const TRIES = 3

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    scenario: {
      pace: { perTokenMs: 1, tokensPerChunk: 1 },
      faults: [
        { fault: 'stall(token=3,ms=0)', model: 'stalls' },
        { fault: 'never-first-token', model: 'waits' },
        { fault: 'silent', model: 'silent' },
        { fault: 'endless-generation', model: 'endless' },
      ],
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

type Wait = (face: SdkFace, model: string, controller: AbortController) => Promise<unknown>

/** Leaves as soon as text is seen. */
const leaveAfterText: Wait = async (face, model, controller) => {
  for await (const _ of face.stream(stage, { model, signal: controller.signal })) controller.abort()
}

/** Leaves as soon as the provider has read the request. */
const leaveWhileWaiting =
  (how: 'stream' | 'fold' | 'plain'): Wait =>
  async (face, model, controller) => {
    const arrived = stage.simulator.nextCall()
    const asking = { model, signal: controller.signal, isShort: how === 'plain' }
    const asked = how === 'stream' ? drain(face.stream(stage, asking)) : face.ask(stage, asking)
    // The rejection is looked at once the call has arrived.
    asked.catch(() => undefined)
    const call = await arrived
    while (call.requestEndMs === undefined) await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    await asked
  }

async function drain(pieces: AsyncIterable<string>): Promise<void> {
  for await (const _ of pieces);
}

const cases: readonly { readonly when: string; readonly model: string; readonly wait: Wait }[] = [
  { when: 'in the middle of a stream that has gone silent', model: 'stalls', wait: leaveAfterText },
  { when: 'in the middle of a stream that never ends', model: 'endless', wait: leaveAfterText },
  { when: 'before the first token', model: 'waits', wait: leaveWhileWaiting('stream') },
  { when: 'before the head of a stream', model: 'silent', wait: leaveWhileWaiting('stream') },
  { when: 'before a plain answer that is folded', model: 'stalls', wait: leaveWhileWaiting('fold') },
  { when: 'before a plain answer', model: 'silent', wait: leaveWhileWaiting('plain') },
]

const rows = SDK_FACES.flatMap((face) =>
  UPSTREAMS.flatMap((upstream) => cases.map((one) => ({ ...one, face, upstream, sdk: face.name }))),
)

describe('an abort reaches the provider', () => {
  test.each(rows)('$sdk over $upstream, $when', async ({ face, upstream, model, wait }) => {
    const delays: number[] = []
    for (let tries = 0; tries < TRIES && !delays.some((ms) => ms <= CANCEL_MS); tries += 1) {
      const controller = new AbortController()
      let leftMs = 0
      controller.signal.addEventListener('abort', () => {
        leftMs = systemClock.nowMs()
      })
      const outcome = await wait(face, `${upstream}/${model}`, controller).then(
        () => undefined,
        (error: unknown) => error,
      )
      // A stream that is left ends; everything else is rejected with the SDK's own error.
      if (outcome !== undefined) expect(outcome).toBeInstanceOf(face.errors.APIUserAbortError)
      expect(controller.signal.aborted).toBe(true)
      const call = stage.lastCall()
      await call.settled
      expect(call.state).toBe('peer-left')
      delays.push((call.endMs ?? Number.POSITIVE_INFINITY) - leftMs)
    }
    expect(Math.min(...delays)).toBeLessThanOrEqual(CANCEL_MS)
  })

  test('and is recorded as what it is', async () => {
    const [face] = SDK_FACES
    if (face === undefined) throw new Error('no SDK')
    const known = stage.gateway.exchanges.length
    const controller = new AbortController()
    await leaveWhileWaiting('plain')(face, 'chat/silent', controller).catch(() => undefined)
    const record = await stage.gateway.exchange((each) => stage.gateway.exchanges.indexOf(each) >= known)
    expect(record.state).toBe('client_gone')
  })
})
