import { beforeEach, describe, expect, test, vi } from 'vitest'
import { DEFAULT_POLICY } from '../cache/config-schema.ts'
import { anthropicMessages } from '../dialects/anthropic-messages/index.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import { NO_COST } from '../ledger/cost.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import type { RecallFacts } from './recall.ts'
import {
  type AskedFields,
  cacheOver,
  client,
  FakeCacheStore,
  plainReply,
  receive,
  recallOn,
  type RecallParts,
  Story,
  Upstream,
} from './recall.test-support.ts'

const owner = { tenant: 'acme', keyId: 'key_1' }
const facts = { owner, cache: DEFAULT_POLICY, routeName: 'route', targets: () => ['far/m'] }

let clock: ManualClock
let cacheStore: FakeCacheStore

beforeEach(() => {
  clock = new ManualClock()
  cacheStore = new FakeCacheStore()
})

function storyOn(execute: (exchange: Exchange) => Promise<Reply>, parts: Partial<RecallParts> = {}): Story {
  return new Story(recallOn({ clock, cacheStore, ...parts }), execute)
}

function answer(content: string, finish = 'stop', extra: object = {}): string {
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: finish, ...extra }
  const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 }
  return JSON.stringify({
    id: 'chatcmpl_1',
    object: 'chat.completion',
    created: 7,
    model: 'm',
    choices: [choice],
    usage,
  })
}

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'chatcmpl_1', object: 'chat.completion.chunk', created: 7, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const events = [
  chunk({ role: 'assistant', content: 'hel' }),
  chunk({ content: 'lo' }),
  chunk({}, 'stop'),
  'data: [DONE]\n\n',
]

/** Answers plain requests at once and streams in pieces, each answer with a number of its own. */
function answering(parts: Partial<RecallParts> = {}) {
  const upstreams: Upstream[] = []
  const story: Story = storyOn(async (exchange) => {
    if (!exchange.envelope.stream) return plainReply(answer(`answer ${story.executions}`))
    const upstream = new Upstream(exchange)
    upstreams.push(upstream)
    return upstream.reply
  }, parts)
  const ask = async (fields: AskedFields = {}, of: RecallFacts = facts) =>
    receive(await story.serve(client(fields).exchange, of))
  const header = ({ reply }: { reply: Reply }, name: string) => {
    const { headers = [] } = reply
    const at = headers.indexOf(name)
    return at < 0 ? undefined : headers[at + 1]
  }
  return { story, upstreams, ask, header }
}

describe('a cached route', () => {
  test('gives the same request its answer again, at no cost, and says how old it is', async () => {
    const { story, ask, header } = answering()
    const first = await ask()
    clock.advance(5_000)
    const second = await ask()
    expect(await second.text).toBe(await first.text)
    expect([header(first, 'x-holdfast-cache'), header(second, 'x-holdfast-cache')]).toEqual(['MISS', 'HIT'])
    expect(header(second, 'age')).toBe('5')
    expect(second.reply.recall).toBe('hit')
    expect(second.reply.cost?.()).toEqual(NO_COST)
    expect(story.executions).toBe(1)
  })

  test('knows a request again whatever the order of its fields, and asks no store for what is in memory', async () => {
    const { story, ask } = answering()
    await ask({ body: { temperature: 0, seed: 1 } })
    const asked = cacheStore.asked
    await ask({ body: { seed: 1, temperature: 0 } })
    expect(story.executions).toBe(1)
    expect(cacheStore.asked).toBe(asked)
  })

  test('SEC-41: shares nothing between tenants, keys, routes, targets or requests that differ in one field', async () => {
    const { story, ask } = answering()
    const others = [
      facts,
      { ...facts, owner: { tenant: 'other', keyId: 'key_1' } },
      { ...facts, owner: { tenant: 'acme', keyId: 'key_2' } },
      { ...facts, routeName: 'elsewhere' },
      { ...facts, targets: () => ['near/m'] },
      { ...facts, isStrict: true },
    ]
    const texts = []
    for (const one of others) texts.push(await (await ask({}, one)).text)
    texts.push(await (await ask({ body: { temperature: 1 } })).text)
    texts.push(await (await ask({ body: { user: 'u' } })).text)
    expect(new Set(texts).size).toBe(8)
    expect(story.executions).toBe(8)
  })

  test('shares nothing between betas or versions, whose order and spaces mean nothing', async () => {
    const { story, ask } = answering()
    const asked = (headers: Readonly<Record<string, string>>) => ask({ headers })
    for (const headers of [{}, { 'openai-beta': 'a=v1' }, { 'openai-beta': 'a=v1,b=v2' }])
      await asked(headers)
    await asked({ 'anthropic-version': '2024-01-01' })
    expect(story.executions).toBe(4)
    await asked({ 'openai-beta': 'b=v2, a=v1' })
    await asked({ 'user-agent': 'another' })
    expect(story.executions).toBe(4)
  })

  test('tells again what was lost on the way to an answer, from memory and from the store', async () => {
    const losses = [{ field: 'logprobs', reason: 'the target has none' }]
    const make = async () => plainReply(answer('a'), { losses })
    const first = storyOn(make)
    const again = [first, first, storyOn(make)]
    for (const story of again) expect((await story.serve(client().exchange, facts)).losses).toEqual(losses)
    expect(again.map(({ executions }) => executions)).toEqual([1, 1, 0])
  })

  test('SEC-43: gives nothing of another request but its id, and only to the key that made it', async () => {
    const { ask } = answering()
    await ask({ headers: { 'x-client-request-id': 'mine' } })
    const again = await ask({ headers: { 'x-client-request-id': 'yours' } })
    expect(JSON.stringify(again.reply.headers)).not.toContain('mine')
    expect(again.reply.upstreamRequestId).toBeUndefined()
    expect(
      [...cacheStore.entries.values()].every((entry) => !Buffer.from(entry.answer).includes('answer 1')),
    ).toBe(true)
  })

  test('finds in the store what an earlier process kept, until it expires', async () => {
    await answering().ask()
    const next = answering()
    expect(await (await next.ask()).text).toBe(answer('answer 1'))
    expect(next.story.executions).toBe(0)
    clock.advance(DEFAULT_POLICY.ttl)
    await next.ask()
    expect(next.story.executions).toBe(1)
  })

  test('answers as ever while the store is away, and does not wait for it again and again', async () => {
    cacheStore.isAway = true
    const { story, ask } = answering()
    await ask()
    const asked = cacheStore.asked
    await ask({ body: { seed: 2 } })
    expect(cacheStore.asked).toBe(asked)
    await ask()
    expect(story.executions).toBe(2)
  })

  test("knows Claude Code's requests again though their attribution block changes", async () => {
    const text = JSON.stringify({
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [{ type: 'text', text: 'hi' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 1, output_tokens: 1 },
    })
    const story = storyOn(async () => plainReply(text))
    const asked = (version: string) => ({
      dialect: anthropicMessages,
      body: {
        max_tokens: 5,
        system: [
          { type: 'text', text: `x-anthropic-billing-header: cc_version=${version}; cc_entrypoint=cli;` },
          { type: 'text', text: 'Be kind.' },
        ],
      },
    })
    await story.serve(client(asked('1')).exchange, facts)
    await story.serve(client(asked('2')).exchange, facts)
    expect(story.executions).toBe(1)
  })
})

describe('what is asked of the cache by header', () => {
  test('off leaves it alone, refresh makes the answer anew, only wants no other', async () => {
    const { ask, header, story } = answering()
    await expect(ask({ headers: { 'x-holdfast-cache': 'only' } })).rejects.toMatchObject({
      code: 'not_cached',
    })
    expect(story.executions).toBe(0)
    await ask()
    const off = await ask({ headers: { 'x-holdfast-cache': 'off' } })
    expect([header(off, 'x-holdfast-cache'), header(off, 'x-holdfast-cache-reason')]).toEqual([
      'BYPASS',
      'request',
    ])
    expect(await off.text).toBe(answer('answer 2'))
    expect(await (await ask()).text).toBe(answer('answer 1'))
    expect(await (await ask({ headers: { 'x-holdfast-cache': 'refresh' } })).text).toBe(answer('answer 3'))
    expect(await (await ask({ headers: { 'x-holdfast-cache': 'only' } })).text).toBe(answer('answer 3'))
  })

  test.each([{ 'x-holdfast-cache': 'only' }, { 'cache-control': 'only-if-cached' }])(
    'asks nobody for who wants only a kept answer, and says what is missing: %j',
    async (headers) => {
      const { cache: _cache, ...silent } = facts
      for (const cacheSettings of [{ onRequest: true }, { onRequest: false }]) {
        const { ask, story } = answering({ cacheSettings })
        await expect(ask({ headers }, silent)).rejects.toMatchObject({
          code: 'not_cached',
          message: expect.stringMatching(/its route has no cache.*cache: true/),
        })
        expect(story.executions).toBe(0)
      }
      const { ask, story } = answering()
      const keyed = { ...headers, 'idempotency-key': 'k' }
      await expect(ask({ headers: keyed })).rejects.toMatchObject({ message: expect.stringMatching('key') })
      for (const of of [facts, silent]) {
        const speech = { ...client({ headers }).exchange, operation: 'speech' as const }
        await expect(story.serve(speech, of)).rejects.toMatchObject({ code: 'not_cached' })
      }
      expect(story.executions).toBe(0)
    },
  )

  test('gives who wants only a kept answer what another request asked to keep', async () => {
    const { ask, story } = answering()
    const { cache: _cache, ...silent } = facts
    await ask({ headers: { 'x-holdfast-cache': 'on' } }, silent)
    const again = await ask({ headers: { 'x-holdfast-cache': 'only' } }, silent)
    expect(await again.text).toBe(answer('answer 1'))
    expect(story.executions).toBe(1)
  })

  test('is given no older answer than max-age says, and the younger one is kept', async () => {
    const { ask, header } = answering()
    const young = { headers: { 'cache-control': 'max-age=60' } }
    await ask()
    clock.advance(60_000)
    expect(header(await ask(young), 'age')).toBe('60')
    clock.advance(1)
    expect(await (await ask(young)).text).toBe(answer('answer 2'))
    expect(await (await ask()).text).toBe(answer('answer 2'))
    expect(await (await ask({ headers: { 'cache-control': 'max-age=0' } })).text).toBe(answer('answer 3'))
    expect(await (await ask(young)).text).toBe(answer('answer 3'))
    clock.advance(1_000)
    const never = ask({ headers: { 'cache-control': 'max-age=0, only-if-cached' } })
    await expect(never).rejects.toMatchObject({ code: 'not_cached' })
  })

  test('is given no older answer than max-age says beside our own header either', async () => {
    const { ask, story } = answering()
    const young = (wish: string) =>
      ask({ headers: { 'x-holdfast-cache': wish, 'cache-control': 'max-age=60' } })
    await ask()
    clock.advance(60_001)
    await expect(young('only')).rejects.toMatchObject({ code: 'not_cached' })
    expect(await (await young('on')).text).toBe(answer('answer 2'))
    expect(await (await young('only')).text).toBe(answer('answer 2'))
    expect(story.executions).toBe(2)
  })

  test('does not wait with others for an old answer where it wants a young one', async () => {
    await answering().ask()
    clock.advance(120_000)
    const { ask, story } = answering()
    const [old, young] = [ask(), ask({ headers: { 'cache-control': 'max-age=60' } })]
    expect(await (await old).text).toBe(answer('answer 1'))
    expect((await young).reply.recall).toBeUndefined()
    expect(story.executions).toBe(1)
  })

  test('asks for it where the route does not', async () => {
    const { ask, story, header } = answering()
    const { cache: _cache, ...silent } = facts
    const asked = { headers: { 'x-holdfast-cache-ttl': '60' } }
    expect(header(await ask({}, silent), 'x-holdfast-cache')).toBeUndefined()
    await ask(asked, silent)
    await ask(asked, silent)
    expect(story.executions).toBe(2)
    clock.advance(60_000)
    await ask(asked, silent)
    expect(story.executions).toBe(3)
  })

  test('is nothing to a request with an idempotency key', async () => {
    const { ask, header, story } = answering()
    await ask()
    const keyed = await ask({ headers: { 'idempotency-key': 'k' } })
    expect(header(keyed, 'x-holdfast-cache-reason')).toBe('idempotency-key')
    expect(story.executions).toBe(2)
  })
})

describe('an answer that is not whole is never given again', () => {
  test.each([
    ['cut short', answer('a', 'length')],
    ['filtered', answer('a', 'content_filter')],
    ['no answer', '{"odd":true}'],
  ])('%s', async (_name, text) => {
    const story = storyOn(async () => plainReply(text))
    await story.serve(client().exchange, facts)
    await story.serve(client().exchange, facts)
    expect(story.executions).toBe(2)
  })

  test('an error', async () => {
    const story = storyOn(async () => {
      throw new GatewayError('upstream_error', 'no')
    })
    for (let count = 0; count < 2; count += 1)
      await expect(story.serve(client().exchange, facts)).rejects.toMatchObject({ code: 'upstream_error' })
    expect(story.executions).toBe(2)
  })

  test('one that its client was warned of', async () => {
    const story = storyOn(async () => plainReply(answer('a'), { warnings: ['no_visible_text'] }))
    await story.serve(client().exchange, facts)
    await story.serve(client().exchange, facts)
    expect(story.executions).toBe(2)
  })

  test('a stream that broke off', async () => {
    const { ask, upstreams, story } = answering()
    const first = await ask({ body: { stream: true } })
    for (const event of events) upstreams[0]?.say(event)
    upstreams[0]?.end('truncated', new GatewayError('upstream_truncated', 'cut'))
    await first.text
    await ask({ body: { stream: true } })
    expect(story.executions).toBe(2)
  })

  test('calls of tools are whole', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
    const message = { message: { role: 'assistant', content: null, tool_calls: [call] } }
    const story = storyOn(async () => plainReply(answer('', 'tool_calls', message)))
    await story.serve(client().exchange, facts)
    await story.serve(client().exchange, facts)
    expect(story.executions).toBe(1)
  })
})

describe('one answer in all forms', () => {
  test('a stream is given again byte by byte, and as a whole with its id, words and usage', async () => {
    const { ask, upstreams, story, header } = answering()
    const streamed = { body: { stream: true } }
    const first = await ask(streamed)
    for (const event of events) upstreams[0]?.say(event)
    upstreams[0]?.end()
    await first.text
    const again = await ask(streamed)
    expect(await again.text).toBe(events.join(''))
    expect(again.reply.contentType).toMatch('text/event-stream')
    const whole = await ask()
    expect(JSON.parse(await whole.text)).toMatchObject({
      id: 'chatcmpl_1',
      choices: [{ message: { content: 'hello' }, finish_reason: 'stop' }],
    })
    expect(header(whole, 'x-holdfast-cache')).toBe('HIT')
    expect(whole.reply.contentType).toBe('application/json')
    expect(story.executions).toBe(1)
  })

  test('a whole is given again as a stream, with usage where it is asked for', async () => {
    const { ask, story } = answering()
    await ask()
    const bare = await (await ask({ body: { stream: true } })).text
    expect(bare).toContain('answer 1')
    expect(bare).toContain('chatcmpl_1')
    expect(bare).toMatch(/data: \[DONE\]\n\n$/)
    expect(bare).not.toContain('"prompt_tokens"')
    const counted = await ask({ body: { stream: true, stream_options: { include_usage: true } } })
    expect(await counted.text).toContain('"prompt_tokens":3')
    expect(story.executions).toBe(1)
  })
})

test('an answer that was being made when the cache was emptied is given, and not kept', async () => {
  const cache = cacheOver({ clock, cacheStore })
  const { ask, upstreams, story } = answering({ cache })
  const first = await ask({ body: { stream: true } })
  await cache.drop([])
  for (const event of events) upstreams[0]?.say(event)
  upstreams[0]?.end()
  expect(await first.text).toBe(events.join(''))
  await ask()
  expect(story.executions).toBe(2)
})

test('who asks after the cache was emptied gets no answer that was being made then', async () => {
  const cache = cacheOver({ clock, cacheStore })
  const { ask, upstreams, story } = answering({ cache })
  const before = await ask({ body: { stream: true } })
  await cache.drop([])
  const after = await ask({ body: { stream: true } })
  const joined = await ask({ body: { stream: true } })
  expect(story.executions).toBe(2)
  upstreams[0]?.say('data: [DONE]\n\n')
  for (const event of events) upstreams[1]?.say(event)
  for (const upstream of upstreams) upstream.end()
  expect(await before.text).toBe('data: [DONE]\n\n')
  expect([await after.text, await joined.text]).toEqual([events.join(''), events.join('')])
})

test('an answer that another process was making when the cache was emptied does not come back from the store', async () => {
  const store = createMemoryStore()
  const caches = [cacheOver({ clock, cacheStore: store }), cacheOver({ clock, cacheStore: store })] as const
  const [here, there] = caches.map((cache) => answering({ cache }))
  if (here === undefined || there === undefined) throw new Error('There are two.')
  const overtaken = await there.ask({ body: { stream: true } })
  await caches[0].drop([])
  // It has not heard of it yet, and keeps what it has made.
  for (const event of events) there.upstreams[0]?.say(event)
  there.upstreams[0]?.end()
  expect(await overtaken.text).toBe(events.join(''))
  const anew = await here.ask()
  expect(here.header(anew, 'x-holdfast-cache')).toBe('MISS')
  expect(await anew.text).toBe(answer('answer 1'))
  // What the one that emptied it makes since is kept at once, and given by the other one.
  const again = await there.ask()
  expect(there.header(again, 'x-holdfast-cache')).toBe('HIT')
  expect(await again.text).toBe(answer('answer 1'))
  // Of the other one that is kept what it begins after it has heard.
  const other = { body: { seed: 2 } }
  await there.ask(other)
  caches[1].noteRevision(await store.directoryRevision())
  const heard = { body: { seed: 3 } }
  await there.ask(heard)
  expect(here.header(await here.ask(other), 'x-holdfast-cache')).toBe('MISS')
  expect(here.header(await here.ask(heard), 'x-holdfast-cache')).toBe('HIT')
})

describe('identical requests in flight', () => {
  test('are one run: streams from their first byte on, each to its end', async () => {
    const { ask, upstreams, story, header } = answering()
    const streamed = { body: { stream: true } }
    const first = await ask(streamed)
    upstreams[0]?.say(events[0] ?? '')
    await new Promise(setImmediate)
    const second = await ask(streamed)
    for (const event of events.slice(1)) upstreams[0]?.say(event)
    upstreams[0]?.end()
    expect(await second.text).toBe(events.join(''))
    expect(await first.text).toBe(events.join(''))
    expect(header(second, 'x-holdfast-cache-reason')).toBe('coalesced')
    expect(second.reply.recall).toBe('coalesced')
    expect(story.executions).toBe(1)
  })

  test.each([
    [undefined, 'max-age=60'],
    ['max-age=60', undefined],
    ['max-age=60', 'max-age=30'],
  ])('are one run whatever age they ask for (%s, %s), once it is made anew', async (one, other) => {
    const { ask, upstreams, story, header } = answering()
    const asked = (control?: string) => ({
      body: { stream: true },
      headers: control === undefined ? {} : { 'cache-control': control },
    })
    const first = await ask(asked(one))
    const second = await ask(asked(other))
    const anew = await ask(asked('max-age=0'))
    expect(header(anew, 'x-holdfast-cache-reason')).toBe('refresh')
    for (const upstream of upstreams) {
      for (const event of events) upstream.say(event)
      upstream.end()
    }
    expect([await first.text, await second.text]).toEqual([events.join(''), events.join('')])
    expect(header(second, 'x-holdfast-cache-reason')).toBe('coalesced')
    expect(story.executions).toBe(2)
    await anew.text
    // It is over: the next one is given what is kept.
    expect(header(await ask(asked(other)), 'age')).toBe('0')
    expect(story.executions).toBe(2)
  })

  test('are one run too where they come together, and look for an answer at the same time', async () => {
    const { ask, upstreams, story, header } = answering()
    const asked = (control: string) => ({ body: { stream: true }, headers: { 'cache-control': control } })
    const [first, second] = await Promise.all([ask(asked('max-age=60')), ask(asked('max-age=30'))])
    for (const event of events) upstreams[0]?.say(event)
    upstreams[0]?.end()
    expect([await first.text, await second.text]).toEqual([events.join(''), events.join('')])
    expect(header(second, 'x-holdfast-cache-reason')).toBe('coalesced')
    expect(story.executions).toBe(1)
  })

  test('go on when the one that began it leaves, and end when the last one does', async () => {
    const upstreams: Upstream[] = []
    const story = storyOn(async (exchange) => {
      const upstream = new Upstream(exchange)
      upstreams.push(upstream)
      return upstream.reply
    })
    const streamed = { body: { stream: true } }
    const one = client(streamed)
    const two = client(streamed)
    const first = await story.serve(one.exchange, facts)
    const second = receive(await story.serve(two.exchange, facts))
    one.leave()
    first.close(false)
    upstreams[0]?.say(events[0] ?? '')
    await new Promise(setImmediate)
    expect(upstreams[0]?.isClosed).toBe(false)
    two.leave()
    second.reply.close(false)
    expect(upstreams[0]?.isClosed).toBe(true)
    expect(await first.settled).toMatchObject({ state: 'client_gone' })
    // Whoever comes now begins anew.
    void story.serve(client(streamed).exchange, facts)
    await vi.waitFor(() => expect(story.executions).toBe(2))
  })

  test('are not bound to a run that everybody left before it began to answer', async () => {
    const signals: Exchange['signal'][] = []
    const story = storyOn(({ signal }) => {
      signals.push(signal)
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const one = client()
    const served = story.serve(one.exchange, facts)
    await vi.waitFor(() => expect(signals).toHaveLength(1))
    one.leave()
    await expect(served).rejects.toMatchObject({ code: 'client_gone' })
    void story.serve(client().exchange, facts).catch(() => {})
    await vi.waitFor(() => expect(signals).toHaveLength(2))
    expect(signals[1]?.aborted).toBe(false)
  })
})

test('I7: an answer that begins after everybody left is given up at once', async () => {
  const begin = Promise.withResolvers<Reply>()
  let upstream: Upstream | undefined
  const story = storyOn((exchange) => {
    upstream = new Upstream({ ...exchange, signal: client().exchange.signal })
    return begin.promise
  })
  const one = client({ body: { stream: true } })
  const served = story.serve(one.exchange, facts)
  await vi.waitFor(() => expect(upstream).toBeDefined())
  one.leave()
  if (upstream !== undefined) begin.resolve(upstream.reply)
  const reply = await served
  expect(upstream?.isClosed).toBe(true)
  reply.close(false)
  expect(await reply.settled).toMatchObject({ state: 'client_gone' })
})

describe('a route that compares questions', () => {
  const semantic = { embeddings: 'near/embed', similarity: 0.9, verify: 'near/judge' }
  const serve = () => Promise.reject(new Error('Nothing is served here.'))
  const alike = { ...facts, serve, cache: { ...DEFAULT_POLICY, semantic } }
  const says = (content: string, more: object = {}) => ({
    body: { messages: [{ role: 'user', content }], ...more },
  })
  const embed = vi.fn(async () => new Float32Array([3, 4]))

  test('answers the same question in other words, and says so', async () => {
    const { ask, story, header } = answering({ semantic: { embed } })
    await ask(says('How do I reset my password?'), alike)
    const again = await ask(says('how can I reset the password'), alike)
    expect(await again.text).toBe(answer('answer 1'))
    expect(header(again, 'x-holdfast-cache-reason')).toBe('alike')
    expect(header(again, 'x-holdfast-cache-similarity')).toBe('1.0000')
    expect(story.executions).toBe(1)
  })

  test('never answers a question that sounds alike and asks something else', async () => {
    const verify = vi.fn(async () => true)
    const { ask, story } = answering({ semantic: { embed, verify } })
    await ask(says('Is 50 mg safe?'), alike)
    await ask(says('Is 500 mg safe?'), alike)
    await ask(says('Is 50 mg not safe?'), alike)
    expect(story.executions).toBe(3)
    expect(verify).not.toHaveBeenCalled()
  })

  test('asks a model where the words differ, and takes its doubt, its failure and its silence for a no', async () => {
    const verify = vi.fn<() => Promise<boolean>>(async () => true)
    const { ask, story } = answering({ semantic: { embed, verify } })
    await ask(says('my car will not start'), alike)
    await ask(says('my automobile will not start'), alike)
    expect(story.executions).toBe(1)
    verify.mockResolvedValueOnce(false)
    await ask(says('my lorry will not start'), alike)
    verify.mockRejectedValue(new Error('away'))
    await ask(says('my bicycle will not start'), alike)
    expect(story.executions).toBe(3)
  })

  test('SEC-41: compares nothing across tenants, betas, strictness, systems, tools, parameters or histories', async () => {
    const { ask, story } = answering({ semantic: { embed } })
    const question = 'How do I reset my password?'
    await ask(says(question), alike)
    const reworded = 'how can I reset the password'
    await ask(says(reworded), { ...alike, owner: { tenant: 'other', keyId: 'key_1' } })
    await ask({ ...says(reworded), headers: { 'openai-beta': 'a=v1' } }, alike)
    await ask(says(reworded), { ...alike, isStrict: true })
    await ask(says(reworded, { temperature: 1 }), alike)
    await ask(says(reworded, { tools: [{ type: 'function', function: { name: 'f' } }] }), alike)
    const history = [
      { role: 'system', content: 'Be rude.' },
      { role: 'user', content: reworded },
    ]
    await ask({ body: { messages: history } }, alike)
    expect(story.executions).toBe(7)
  })

  test('asks for no embedding where only a kept answer is wanted', async () => {
    const asked = vi.fn(embed)
    const { ask } = answering({ semantic: { embed: asked } })
    const only = { headers: { 'x-holdfast-cache': 'only' } }
    await expect(ask({ ...says('a'), ...only }, alike)).rejects.toMatchObject({ code: 'not_cached' })
    expect(asked).not.toHaveBeenCalled()
  })

  test('gives no older answer to a question in other words than max-age says', async () => {
    const { ask, story } = answering({ semantic: { embed } })
    await ask(says('How do I reset my password?'), alike)
    clock.advance(61_000)
    const young = { headers: { 'cache-control': 'max-age=60' } }
    await ask({ ...says('how can I reset the password'), ...young }, alike)
    expect(story.executions).toBe(2)
  })

  test('answers as ever where no embedding comes', async () => {
    const broken = vi.fn(async () => {
      throw new Error('away')
    })
    const { ask, story } = answering({ semantic: { embed: broken } })
    await ask(says('a'), alike)
    await ask(says('a'), alike)
    expect(story.executions).toBe(1)
    const never = vi.fn(() => new Promise<Float32Array>(() => {}))
    const silent = answering({ semantic: { embed: never } })
    const asked = silent.ask(says('b'), alike)
    await vi.waitFor(() => expect(never).toHaveBeenCalled())
    clock.advance(2_000)
    await asked
    expect(silent.story.executions).toBe(1)
  })
})
