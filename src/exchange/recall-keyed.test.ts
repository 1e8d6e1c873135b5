import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { ErrorCode } from '../errors/codes.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import { NO_COST } from '../ledger/cost.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import {
  client,
  FakeJournalStore,
  plainReply,
  recallOn,
  receive,
  Story,
  Upstream,
} from './recall.test-support.ts'

const facts = { owner: { tenant: 'acme', keyId: 'key_1' } }
const keyed = { 'idempotency-key': 'once' }

let clock: ManualClock
let store: FakeJournalStore

beforeEach(() => {
  clock = new ManualClock()
  store = new FakeJournalStore()
})

function storyOn(execute: (exchange: Exchange) => Promise<Reply>, nodeId?: string): Story {
  return new Story(recallOn({ clock, store, nodeId }), execute)
}

/** A story whose every run streams, and the streams. */
function streaming() {
  const upstreams: Upstream[] = []
  const story = storyOn(async (exchange) => {
    const upstream = new Upstream(exchange)
    upstreams.push(upstream)
    return upstream.reply
  })
  return { story, upstreams }
}

const streamed = { body: { stream: true }, headers: keyed }

describe('fault 112: ten requests of one key at once', () => {
  test('are one plain run and ten same answers', async () => {
    const answer = Promise.withResolvers<Reply>()
    const story = storyOn(() => answer.promise)
    const served = Array.from({ length: 10 }, () => story.serve(client({ headers: keyed }).exchange, facts))
    answer.resolve(plainReply('{"answer":42}'))
    const replies = await Promise.all(served)
    expect(story.executions).toBe(1)
    expect(new Set(await Promise.all(replies.map((reply) => receive(reply).text)))).toEqual(
      new Set(['{"answer":42}']),
    )
    expect(replies.filter(({ recall }) => recall === 'attached')).toHaveLength(9)
    expect(replies.slice(1).map((reply) => reply.cost?.())).toEqual(Array(9).fill(NO_COST))
  })

  test('are one stream and ten same streams, those too that come when it is half done', async () => {
    const { story, upstreams } = streaming()
    const early = Array.from({ length: 5 }, () => story.serve(client(streamed).exchange, facts))
    const first = (await Promise.all(early)).map(receive)
    upstreams[0]?.say('data: 1\n\n')
    await Promise.resolve()
    const late = Array.from({ length: 5 }, () => story.serve(client(streamed).exchange, facts))
    const last = (await Promise.all(late)).map(receive)
    upstreams[0]?.say('data: 2\n\n')
    upstreams[0]?.end()
    const texts = await Promise.all([...first, ...last].map(({ text }) => text))
    expect(new Set(texts)).toEqual(new Set(['data: 1\n\ndata: 2\n\n']))
    expect(story.executions).toBe(1)
  })

  test('are replayed afterwards byte by byte, with the id of the request that was paid for', async () => {
    const { story, upstreams } = streaming()
    const payer = client(streamed).exchange
    const paid = receive(await story.serve(payer, facts))
    upstreams[0]?.say('data: 1\n\n')
    upstreams[0]?.end()
    await paid.text
    const again = receive(await story.serve(client(streamed).exchange, facts))
    expect(await again.text).toBe('data: 1\n\n')
    expect(again.reply.contentType).toBe(paid.reply.contentType)
    expect(again.reply.headers).toEqual([
      'x-holdfast-recall',
      'replayed',
      'x-holdfast-original-request-id',
      payer.id,
    ])
    expect(again.reply.cost?.()).toEqual(NO_COST)
    expect(story.executions).toBe(1)
  })
})

describe('fault 113: one key and another request', () => {
  test('is refused with 422 while the first runs, and after', async () => {
    const answer = Promise.withResolvers<Reply>()
    const story = storyOn(() => answer.promise)
    const first = story.serve(client({ headers: keyed }).exchange, facts)
    const other = { headers: keyed, body: { temperature: 1 } }
    await expect(story.serve(client(other).exchange, facts)).rejects.toMatchObject({ status: 422 })
    answer.resolve(plainReply('{}'))
    await first
    await expect(story.serve(client(other).exchange, facts)).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    })
    expect(story.executions).toBe(1)
  })

  test('stands in nobody’s way who asks again for what was kept, while the store is asked of it', async () => {
    const story = storyOn(async () => plainReply('kept'))
    await story.serve(client({ headers: keyed }).exchange, facts)
    const gate = Promise.withResolvers<void>()
    const real = store.openJournals.bind(store)
    store.openJournals = (...asked) => gate.promise.then(() => real(...asked))
    const other = story.serve(client({ headers: keyed, body: { temperature: 1 } }).exchange, facts)
    const again = receive(await story.serve(client({ headers: keyed }).exchange, facts))
    expect(await again.text).toBe('kept')
    gate.resolve()
    await expect(other).rejects.toMatchObject({ code: 'idempotency_mismatch' })
    expect(story.executions).toBe(1)
  })

  test('SEC-41: is another key where another tenant or another key of it sends it', async () => {
    const story = storyOn(async ({ id }) => plainReply(id))
    const owners = [
      { tenant: 'acme', keyId: 'key_1' },
      { tenant: 'acme', keyId: 'key_2' },
      { tenant: 'other', keyId: 'key_1' },
      { tenant: 'acme","key_1', keyId: '' },
    ]
    const texts = []
    for (const owner of owners)
      texts.push(await receive(await story.serve(client({ headers: keyed }).exchange, { owner })).text)
    expect(new Set(texts).size).toBe(4)
    expect(story.executions).toBe(4)
  })

  test.each([['a'.repeat(256)], [''], ['tab\there'], ['ümlaut']])(
    'refuses a key that cannot be one: %j',
    async (key) => {
      const story = storyOn(async () => plainReply('{}'))
      const asked = client({ headers: { 'idempotency-key': key } }).exchange
      await expect(story.serve(asked, facts)).rejects.toMatchObject({ status: 400 })
      expect(story.executions).toBe(0)
    },
  )
})

describe('fault 114: one key after a restart', () => {
  test('is replayed where the answer was kept', async () => {
    await storyOn(async () => plainReply('kept')).serve(client({ headers: keyed }).exchange, facts)
    const next = storyOn(async () => plainReply('anew'), 'node-1b')
    const again = receive(await next.serve(client({ headers: keyed }).exchange, facts))
    expect(await again.text).toBe('kept')
    expect(next.executions).toBe(0)
  })

  test('is in doubt where it was cut off: nobody is asked a second time', async () => {
    void storyOn(() => new Promise(() => {})).serve(client({ headers: keyed }).exchange, facts)
    await vi.waitFor(() => expect(store.records.size).toBe(1))
    const next = storyOn(async () => plainReply('anew'), 'node-1b')
    await expect(next.serve(client({ headers: keyed }).exchange, facts)).rejects.toMatchObject({
      status: 409,
      code: 'idempotency_in_doubt',
    })
    expect(next.executions).toBe(0)
  })

  test('is free again after a day', async () => {
    const story = storyOn(async ({ id }) => plainReply(id))
    await story.serve(client({ headers: keyed }).exchange, facts)
    clock.advance(24 * 3_600_000 + 1)
    await story.serve(client({ headers: keyed }).exchange, facts)
    expect(story.executions).toBe(2)
  })
})

describe('a run with a key', () => {
  test('goes on to its end when its client leaves, and is replayed', async () => {
    const { story, upstreams } = streaming()
    const asked = client(streamed)
    const reply = await story.serve(asked.exchange, facts)
    asked.leave()
    reply.close(false)
    upstreams[0]?.say('data: 1\n\n')
    upstreams[0]?.end()
    expect(await reply.settled).toMatchObject({ state: 'client_gone' })
    const again = receive(await story.serve(client(streamed).exchange, facts))
    expect(await again.text).toBe('data: 1\n\n')
    expect(upstreams[0]?.isClosed).toBe(false)
    expect(story.executions).toBe(1)
  })

  test('goes on when its client leaves before it began to answer', async () => {
    const answer = Promise.withResolvers<Reply>()
    let signal: Exchange['signal'] | undefined
    const story = storyOn((exchange) => {
      signal = exchange.signal
      return answer.promise
    })
    const asked = client({ headers: keyed })
    const served = story.serve(asked.exchange, facts)
    await vi.waitFor(() => expect(signal).toBeDefined())
    asked.leave()
    expect(signal?.aborted).toBe(false)
    answer.resolve(plainReply('{}'))
    ;(await served).close(false)
    expect(await receive(await story.serve(client({ headers: keyed }).exchange, facts)).text).toBe('{}')
  })

  test('frees its key where it failed and cost nothing', async () => {
    let isRefusing = true
    const refusal = new GatewayError('rate_limited', 'slow down').withAttempts([
      { target: 'far/m', durationMs: 1, status: 429, code: 'rate_limited' },
    ])
    const story = storyOn(async () => {
      if (isRefusing) throw refusal
      return plainReply('{}')
    })
    await expect(story.serve(client({ headers: keyed }).exchange, facts)).rejects.toBe(refusal)
    isRefusing = false
    await story.serve(client({ headers: keyed }).exchange, facts)
    expect(story.executions).toBe(2)
  })

  test('keeps an error that may have been paid for, and gives it again', async () => {
    const lost = new GatewayError('upstream_timeout', 'It took too long.').withAttempts([
      { target: 'far/m', durationMs: 1, code: 'upstream_timeout' },
    ])
    const story = storyOn(async () => {
      throw lost
    })
    const asked = client({ headers: keyed }).exchange
    await expect(story.serve(asked, facts)).rejects.toBe(lost)
    const again = receive(await story.serve(client({ headers: keyed }).exchange, facts))
    expect(again.reply.status).toBe(lost.status)
    expect(await again.text).toBe(
      asked.dialect.writeError(lost, { requestId: asked.id, attempts: lost.attempts }),
    )
    expect(again.reply.headers).toContain('x-should-retry')
    expect(story.executions).toBe(1)
  })

  const failedAs = (code: ErrorCode) =>
    new GatewayError(code, 'It failed.').withAttempts([{ target: 'far/m', durationMs: 1, code }])

  test.each([
    'upstream_gateway_timeout',
    'upstream_bad_response',
    'empty_response',
    'upstream_reset',
  ] as const)('keeps its key after %s, though the books have nothing of it', async (code) => {
    const recall = recallOn({ clock, store })
    const step = await recall.begin(client({ headers: keyed }).exchange, facts)
    if (step.type === 'run') step.failed(failedAs(code), false)
    expect(await recall.begin(client({ headers: keyed }).exchange, facts)).toMatchObject({ type: 'replay' })
  })

  test.each([
    'upstream_unreachable',
    'rate_limited',
    'upstream_invalid_request',
    'resource_not_found',
    'overloaded',
  ] as const)('frees its key after %s', async (code) => {
    const recall = recallOn({ clock, store })
    const step = await recall.begin(client({ headers: keyed }).exchange, facts)
    if (step.type === 'run') step.failed(failedAs(code), false)
    expect(await recall.begin(client({ headers: keyed }).exchange, facts)).toMatchObject({ type: 'run' })
  })

  test('tells those who wait for it what it failed with', async () => {
    const answer = Promise.withResolvers<Reply>()
    const story = storyOn(() => answer.promise)
    const served = Array.from({ length: 3 }, () => story.serve(client({ headers: keyed }).exchange, facts))
    const error = new GatewayError('overloaded', 'full')
    answer.reject(error)
    for (const one of served) await expect(one).rejects.toBe(error)
  })

  test('is not begun by a request whose cache header makes no sense: the right one is served', async () => {
    const story = storyOn(async () => plainReply('{}'))
    for (const wrong of [{ 'x-holdfast-cache': 'yes' }, { 'x-holdfast-cache-ttl': '0' }])
      await expect(
        story.serve(client({ headers: { ...keyed, ...wrong } }).exchange, facts),
      ).rejects.toMatchObject({ status: 400 })
    expect(store.records.size).toBe(0)
    expect(await receive(await story.serve(client({ headers: keyed }).exchange, facts)).text).toBe('{}')
  })

  test('lets nobody wait for it where its failure cannot be put down', async () => {
    const answer = Promise.withResolvers<Reply>()
    const story = storyOn(() => answer.promise)
    const { exchange } = client({ headers: keyed })
    const writeError = () => {
      throw new Error('no words')
    }
    const first = story.serve({ ...exchange, dialect: { ...exchange.dialect, writeError } }, facts)
    const second = story.serve(client({ headers: keyed }).exchange, facts)
    const lost = new GatewayError('upstream_timeout', 'It took too long.').withAttempts([
      { target: 'far/m', durationMs: 1, code: 'upstream_timeout' },
    ])
    answer.reject(lost)
    await expect(first).rejects.toThrow('no words')
    await expect(second).rejects.toBe(lost)
  })

  test('that we cut off ourselves stays in doubt', async () => {
    const upstreams: Upstream[] = []
    const recall = recallOn({ clock, store })
    const story = new Story(recall, async (exchange) => {
      const upstream = new Upstream(exchange)
      upstreams.push(upstream)
      return upstream.reply
    })
    const reply = receive(await story.serve(client(streamed).exchange, facts))
    recall.stop(new GatewayError('gateway_shutting_down', 'bye'))
    await reply.text
    await expect(story.serve(client(streamed).exchange, facts)).rejects.toMatchObject({
      code: 'idempotency_in_doubt',
    })
    expect(story.executions).toBe(1)
  })

  test('is given once and never again where its answer is too large to be kept', async () => {
    const { story, upstreams } = streaming()
    const reply = receive(await story.serve(client(streamed).exchange, facts))
    const chunk = 'x'.repeat(1024 ** 2)
    for (let count = 0; count < 9; count += 1) upstreams[0]?.say(chunk)
    upstreams[0]?.end()
    expect(await reply.text).toBe(chunk.repeat(9))
    const again = story.serve(client(streamed).exchange, facts)
    await expect(again).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
    await expect(again).rejects.toThrow('too large')
    expect(story.executions).toBe(1)
  })
})

test('a key is nothing to a request that only counts', async () => {
  const story = storyOn(async () => plainReply('{}'))
  for (let count = 0; count < 2; count += 1)
    await story.serve({ ...client({ headers: keyed }).exchange, operation: 'count-tokens' }, facts)
  expect(story.executions).toBe(2)
  expect(store.records.size).toBe(0)
})

describe('while the store is away', () => {
  test('nothing is sent to a provider', async () => {
    const story = storyOn(async () => plainReply('{}'))
    store.away = 'silent'
    const served = story.serve(client({ headers: keyed }).exchange, facts)
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(2))
    clock.advance(1_999)
    await Promise.resolve()
    expect(clock.pendingTimers).toBe(2)
    clock.advance(1)
    await expect(served).rejects.toMatchObject({
      status: 503,
      code: 'store_unavailable',
      isClientRetryable: true,
    })
    expect(story.executions).toBe(0)
    store.away = 'says-so'
    await expect(story.serve(client({ headers: keyed }).exchange, facts)).rejects.toMatchObject({
      status: 503,
    })
    expect(await receive(await story.serve(client().exchange, facts)).text).toBe('{}')
  })

  test('an answer already made is given again from memory, and kept when the store is back', async () => {
    const answer = Promise.withResolvers<Reply>()
    const story = storyOn(() => answer.promise)
    const served = story.serve(client({ headers: keyed }).exchange, facts)
    await vi.waitFor(() => expect(store.records.size).toBe(1))
    store.away = 'says-so'
    answer.resolve(plainReply('made'))
    expect(await receive(await served).text).toBe('made')
    expect(await receive(await story.serve(client({ headers: keyed }).exchange, facts)).text).toBe('made')
    store.away = 'no'
    clock.advance(60_000)
    await vi.waitFor(() => expect([...store.records.values()][0]?.state).toBe('done'))
    expect(clock.pendingTimers).toBe(0)
    expect(story.executions).toBe(1)
  })

  test('a record that was begun too late is taken back, and leaves no doubt', async () => {
    const story = storyOn(async () => plainReply('{}'))
    const real = store.openJournals.bind(store)
    store.openJournals = async (records, nowMs) => {
      await new Promise<void>((resolve) => clock.after(2_080, resolve))
      return real(records, nowMs)
    }
    const served = story.serve(client({ headers: keyed }).exchange, facts)
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(3))
    clock.advance(2_000)
    await expect(served).rejects.toMatchObject({ code: 'store_unavailable' })
    store.openJournals = real
    clock.advance(100)
    await vi.waitFor(() => expect(store.records.size).toBe(0))
    expect(await receive(await story.serve(client({ headers: keyed }).exchange, facts)).text).toBe('{}')
  })
})

describe('a durable stream', () => {
  const events = ['data: a\n\n', 'event: x\ndata: b\n\n', 'data: c\n\n']
  const numbered = (after: number) =>
    events
      .map((text, at) => `id: ${at + 1}\n${text}`)
      .slice(after)
      .join('')

  test('numbers its events where its client asks, and goes on after the last that the client has', async () => {
    const { story, upstreams } = streaming()
    const durable = { ...streamed, headers: { ...keyed, 'x-holdfast-durable': '1' } }
    const first = receive(await story.serve(client(durable).exchange, facts))
    for (const event of events) upstreams[0]?.say(event)
    const resumed = { ...streamed, headers: { ...keyed, 'last-event-id': '1' } }
    const live = receive(await story.serve(client(resumed).exchange, facts))
    upstreams[0]?.end()
    expect(await first.text).toBe(numbered(0))
    expect(await live.text).toBe(numbered(1))
    const later = { ...streamed, headers: { ...keyed, 'x-holdfast-after': '2' } }
    expect(await receive(await story.serve(client(later).exchange, facts)).text).toBe(numbered(2))
    expect(await receive(await story.serve(client(streamed).exchange, facts)).text).toBe(events.join(''))
    expect(story.executions).toBe(1)
  })

  test('never goes on with another answer than the one that its client has begun to read', async () => {
    const { story } = streaming()
    const resumed = { ...streamed, headers: { ...keyed, 'last-event-id': '7' } }
    await expect(story.serve(client(resumed).exchange, facts)).rejects.toMatchObject({ status: 400 })
    expect(story.executions).toBe(0)
  })

  test('has no event after the last, and tells a client that says it has one that it read another stream', async () => {
    const { story, upstreams } = streaming()
    const first = receive(await story.serve(client(streamed).exchange, facts))
    for (const event of events) upstreams[0]?.say(event)
    upstreams[0]?.end()
    await first.text
    const after = (number: number) => ({ ...streamed, headers: { ...keyed, 'last-event-id': `${number}` } })
    expect(await receive(await story.serve(client(after(3)).exchange, facts)).text).toBe('')
    await expect(story.serve(client(after(4)).exchange, facts)).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('has 3 events, so a client that has 4 of them has read another one'),
    })
  })

  test.each([{ 'last-event-id': '1' }, { 'x-holdfast-after': '0' }, { 'x-holdfast-durable': '1' }])(
    'is never begun without a key, which would be paid for and could not be gone on with: %j',
    async (headers) => {
      const { story } = streaming()
      const served = story.serve(client({ body: { stream: true }, headers }).exchange, facts)
      const [name = ''] = Object.keys(headers)
      await expect(served).rejects.toMatchObject({
        status: 400,
        facts: { param: 'Idempotency-Key' },
        message: expect.stringMatching(`The header ${name} needs an Idempotency-Key.*no provider was asked`),
      })
      expect(story.executions).toBe(0)
    },
  )

  test('is nothing to what cannot be one: numbers are no matter to a whole answer, nor to what is only read', async () => {
    const story = storyOn(async () => plainReply('{}'))
    const durable = client({ headers: { 'x-holdfast-durable': '1', 'last-event-id': '' } }).exchange
    await story.serve(durable, facts)
    const counted = { ...client({ headers: { 'last-event-id': '1' } }).exchange, operation: 'count-tokens' }
    await story.serve(counted as Exchange, facts)
    expect(story.executions).toBe(2)
    const part = client({ headers: { 'last-event-id': '1' } }).exchange
    await expect(story.serve(part, facts)).rejects.toMatchObject({ status: 400 })
  })

  test('refuses a number that is none', async () => {
    const { story } = streaming()
    const resumed = { ...streamed, headers: { ...keyed, 'last-event-id': '-1' } }
    await expect(story.serve(client(resumed).exchange, facts)).rejects.toMatchObject({ status: 400 })
  })
})

test('what is kept is sealed', async () => {
  const story = storyOn(async () => plainReply('{"secret":"words"}'))
  await story.serve(client({ headers: keyed }).exchange, facts)
  const [record] = store.records.values()
  expect(Buffer.from(record?.answer ?? []).includes('words')).toBe(false)
  const { id, exchangeId } = record ?? { id: '', exchangeId: '' }
  // Moved to another record it does not open.
  store.records.set(id, { ...record!, exchangeId: `${exchangeId}x` })
  await expect(story.serve(client({ headers: keyed }).exchange, facts)).rejects.toMatchObject({
    code: 'idempotency_in_doubt',
  })
})

test('one that may only read along is given what was kept where the run has just ended, and nothing where none was', async () => {
  const recall = recallOn({ clock, store, nodeId: undefined })
  const story = new Story(recall, async () => plainReply('{"answer":42}'))
  const again = () => client({ headers: keyed }).exchange
  expect([recall.isUnderWay(again(), facts.owner), await recall.join(again(), facts)]).toEqual([
    false,
    undefined,
  ])
  await receive(await story.serve(again(), facts)).text
  const step = await recall.join(again(), facts)
  expect(step?.type).toBe('replay')
  expect(story.executions).toBe(1)
})
