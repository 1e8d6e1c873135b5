/** Attempts side by side, whatever each of them does and in whatever order: the race and the first success together. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { StopSource } from '../std/stop-signal.ts'
import { ManualClock } from '../upstream/wall.ts'
import { firstSuccess } from './first-success.ts'
import { type Lane, Race } from './race.ts'

const SECOND_AFTER_MS = 50
const LEFT = new GatewayError('client_gone', 'left')

interface Answer {
  readonly attempt: number
  /** Absent: it has content. */
  readonly error?: GatewayError
}

/** An upstream that speaks only when the world lets it, and stops when its lane does. */
class Attempt {
  readonly number: number
  readonly lane: Lane
  readonly #answer = Promise.withResolvers<Answer>()
  isEnded = false

  constructor(number: number, lane: Lane) {
    this.number = number
    this.lane = lane
    if (lane.signal.aborted) this.#stop()
    else lane.signal.addEventListener('abort', () => this.#stop())
  }

  get answer(): Promise<Answer> {
    return this.#answer.promise
  }

  content(): void {
    if (this.isEnded) return
    this.lane.claim()
    this.isEnded = true
    this.#answer.resolve({ attempt: this.number })
  }

  /** `claims`: content had come, and then it broke off. */
  fail({ claims }: { readonly claims: boolean }): void {
    if (this.isEnded) return
    if (claims) this.lane.claim()
    this.#end()
    this.#answer.resolve({ attempt: this.number, error: new GatewayError('upstream_reset', 'broken') })
  }

  #stop(): void {
    if (this.isEnded) return
    this.#end()
    if (!this.lane.isBeaten) return this.#answer.reject(LEFT)
    // Sound: a beaten lane is stopped for a reason of the house's own.
    this.#answer.resolve({ attempt: this.number, error: this.lane.signal.reason as GatewayError })
  }

  #end(): void {
    this.isEnded = true
    this.lane.leave()
  }
}

function createWorld() {
  const clock = new ManualClock()
  const request = new StopSource()
  const race = new Race(request)
  const attempts: Attempt[] = []
  const outrun: Answer[] = []
  const begin = () => {
    const attempt = new Attempt(attempts.length, race.join())
    attempts.push(attempt)
    return attempt.answer
  }
  const settled = firstSuccess<Answer, Answer>({
    first: begin,
    second: () => (race.isDecided ? undefined : begin()),
    isFailure: (answer): answer is Answer => answer.error !== undefined,
    isBeaten: ({ error }) => error?.code === 'superseded',
    onOutrun: (failure) => outrun.push(failure),
    later: (callback) => clock.after(SECOND_AFTER_MS, callback),
  })
  return { clock, request, race, attempts, outrun, settled }
}

type Act =
  | { readonly type: 'content' | 'fail' | 'break'; readonly attempt: 0 | 1 }
  | { readonly type: 'time' }
  | { readonly type: 'leave' }
  /** Promises are heard; otherwise things come in one moment. */
  | { readonly type: 'breathe' }

const attempt = fc.constantFrom<0 | 1>(0, 1)
const act = fc.oneof(
  fc.record({ type: fc.constantFrom('content', 'fail', 'break'), attempt }),
  fc.constantFrom<Act>({ type: 'time' }, { type: 'breathe' }, { type: 'leave' }),
)

async function breathe(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
}

test('one answer comes of it, all others are stopped, and nothing hangs', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 10 }), async (acts) => {
      const world = createWorld()
      const { attempts, clock, request, outrun } = world
      let ended: { readonly answer: Answer } | { readonly thrown: unknown } | undefined
      void world.settled.then(
        (answer) => {
          ended = { answer }
        },
        (thrown: unknown) => {
          ended = { thrown }
        },
      )
      // Whoever has not ended by itself does so at the end: no upstream is silent for ever.
      const last: readonly Act[] = [
        { type: 'breathe' },
        { type: 'fail', attempt: 0 },
        { type: 'fail', attempt: 1 },
        { type: 'breathe' },
      ]
      for (const one of [...acts, ...last]) {
        if (one.type === 'time') clock.advance(SECOND_AFTER_MS)
        else if (one.type === 'leave') request.stop(LEFT)
        else if (one.type === 'breathe') await breathe()
        else if (one.type === 'content') attempts[one.attempt]?.content()
        else attempts[one.attempt]?.fail({ claims: one.type === 'break' })
        const claimed = attempts.filter(({ lane }) => world.race.isDecided && !lane.isBeaten)
        expect(claimed.length).toBeLessThanOrEqual(world.race.isDecided ? 1 : 0)
      }

      // Nothing hangs: the result is there, no timer is left, and every upstream is let go but a winner's.
      expect(ended).toBeDefined()
      expect(clock.pendingTimers).toBe(0)
      expect(attempts.filter(({ isEnded }) => !isEnded)).toEqual([])
      if (ended === undefined) return
      if ('thrown' in ended) {
        expect(ended.thrown).toBe(LEFT)
        expect(request.aborted).toBe(true)
        seen.add('left')
        return
      }
      const { answer } = ended
      const others = attempts.filter(({ number }) => number !== answer.attempt)
      if (answer.error === undefined) {
        // The winner's, and everybody else was stopped or had failed before.
        expect(attempts[answer.attempt]?.lane.isBeaten).toBe(false)
        for (const { lane, isEnded } of others) expect([lane.isBeaten, isEnded]).toEqual([true, true])
        seen.add(`won by ${answer.attempt} of ${attempts.length}`)
      } else {
        // Nobody had content that lasted: the failures of all that nobody beat were heard, and one of those is the result.
        const unbeaten = attempts.filter(({ lane }) => !lane.isBeaten).map(({ number }) => number)
        const heard = new Set([...outrun.map(({ attempt }) => attempt), answer.attempt])
        expect(unbeaten.filter((number) => !heard.has(number))).toEqual([])
        expect(answer.error.code).not.toBe('superseded')
        seen.add(`failed, ${attempts.length} tried`)
      }
    }),
    { numRuns: 3_000, seed: 4 },
  )
  expect([...seen].toSorted()).toEqual([
    'failed, 1 tried',
    'failed, 2 tried',
    'left',
    'won by 0 of 1',
    'won by 0 of 2',
    'won by 1 of 2',
  ])
})
