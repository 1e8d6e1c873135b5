import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { dialects } from '../dialects/index.ts'
import type { Explanation } from '../execution/decision-trace.ts'
import { freshDeps } from '../execution/deps.test-support.ts'
import { createExecution } from '../execution/run-plan.ts'
import { DIRECT_POLICY } from '../routing/route.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { wallTarget } from '../upstream/wall.ts'
import {
  createExplanations,
  EXPLANATIONS_BYTES_MAX,
  EXPLANATIONS_MAX,
  type Explanations,
} from './explanations.ts'
import { client } from './recall.test-support.ts'

const traceOf = (said: object, bytes = 1): Explanation => ({ bytes, explain: () => ({ ...said }) })

test('SEC-19: a trace is told to the key that made the request, and to the operator, and to nobody else', () => {
  const explanations = createExplanations()
  explanations.keep('req_1', { keyName: 'laptop' }, traceOf({ requestId: 'req_1' }))
  expect(explanations.find('req_1', { keyName: 'laptop' })).toEqual({ requestId: 'req_1' })
  expect(explanations.find('req_1', { keyName: 'phone' })).toBeUndefined()
  expect(explanations.find('req_1', {})).toBeUndefined()
  expect(explanations.findAny('req_1')).toEqual({ requestId: 'req_1' })
  expect(explanations.find('req_2', {})).toBeUndefined()
  expect(explanations.findAny('req_2')).toBeUndefined()
})

test('without client keys everyone is the same caller', () => {
  const explanations = createExplanations()
  explanations.keep('req_1', {}, traceOf({ steps: 1 }))
  expect(explanations.find('req_1', {})).toEqual({ steps: 1 })
})

test('a trace is told as it is when asked for', () => {
  const explanations = createExplanations()
  let attempts = 1
  explanations.keep('req_1', {}, { bytes: 1, explain: () => ({ attempts }) })
  attempts = 2
  expect(explanations.find('req_1', {})).toEqual({ attempts: 2 })
})

const keptOf = (explanations: Explanations, ids: readonly string[]) =>
  ids.filter((id) => explanations.findAny(id) !== undefined)

test('the oldest is forgotten where there are too many', () => {
  const explanations = createExplanations({ countMax: 2 })
  for (const id of ['a', 'b', 'a', 'c']) explanations.keep(id, {}, traceOf({ id }))
  expect(keptOf(explanations, ['a', 'b', 'c'])).toEqual(['a', 'c'])
})

test('the oldest are forgotten where all together are too long, and one that is too long by itself is not kept', () => {
  const explanations = createExplanations({ bytesMax: 10 })
  for (const id of ['a', 'b', 'b', 'c']) explanations.keep(id, {}, traceOf({ id }, 4))
  expect(keptOf(explanations, ['a', 'b', 'c'])).toEqual(['b', 'c'])
  explanations.keep('d', {}, traceOf({}, 11))
  expect(keptOf(explanations, ['a', 'b', 'c', 'd'])).toEqual(['b', 'c'])
  for (const id of ['e', 'f']) explanations.keep(id, {}, traceOf({ id }, 5))
  expect(keptOf(explanations, ['e', 'f'])).toEqual(['e', 'f'])
})

/** Runs a request whose trace is kept, and gives nothing of it back. */
async function explained(explanations: Explanations): Promise<WeakRef<Uint8Array>> {
  const clock = new ManualClock()
  const target = wallTarget('http://127.0.0.1:1')
  const { exchange } = client({ body: { max_tokens: 16 } })
  const execution = createExecution({
    ...freshDeps(clock),
    dialects,
    redact: (error) => error,
    send: async () => ({
      status: 200,
      headers: {},
      framing: 'json',
      body: (async function* () {
        yield Buffer.from(
          '{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}',
        )
      })(),
      markContent: () => undefined,
      cancel: () => undefined,
    }),
  })
  const plan = {
    ...DIRECT_POLICY,
    root: { type: 'target', target, verdict: { type: 'available' } },
    attemptsMax: 1,
  } as const
  const reply = await execution.run(plan, exchange, {
    priority: 'normal',
    onTrace: (trace) => {
      expect(EXPLANATIONS_MAX * trace.bytes).toBeLessThan(EXPLANATIONS_BYTES_MAX)
      explanations.keep('req_1', {}, trace)
    },
  })
  reply.close(true)
  await reply.settled
  return new WeakRef(exchange.body)
}

test('what is kept of a request that was explained holds nothing of what it said', async () => {
  setFlagsFromString('--expose-gc')
  // Sound: the flag puts the function there.
  const collect = runInNewContext('gc') as () => void
  const explanations = createExplanations()
  const body = await explained(explanations)
  // To look at what is weakly held is to hold it for the rest of the turn, so each look has one of its own.
  let isHeld = true
  for (let look = 0; look < 20 && isHeld; look += 1) {
    await new Promise(setImmediate)
    collect()
    isHeld = body.deref() !== undefined
  }
  expect(isHeld).toBe(false)
  expect(explanations.findAny('req_1')).toMatchObject({
    plan: { target: 'wall/brick' },
    attempts: [{ target: 'wall/brick', status: 200 }],
  })
})
