import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEFAULT_POLICY } from '../cache/config-schema.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Reply } from '../execution/reply.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { type Client, client, plainReply, recallOn, Story, Upstream } from './recall.test-support.ts'

/**
 * Random orders of what may happen to one request that many clients send: they come, read, leave; its answer grows, ends,
 * breaks off, or never begins. Whatever the order, nobody reads anything but the one answer from its first byte.
 */

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('arrive' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('leave' as const), who: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('read' as const), who: fc.nat(9) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('say' as const),
      text: fc.string({ minLength: 1, maxLength: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('begin' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('turn' as const) }) },
)

interface Reader {
  readonly client: Client
  hasLeft: boolean
  reply: Reply | undefined
  error: unknown
  text: string
  hasEnded: boolean
  bodyError: unknown
  iterator: AsyncIterator<Uint8Array> | undefined
  reading: Promise<void>
}

interface World {
  readonly isKeyed: boolean
  readonly isStream: boolean
  readonly ending: 'whole' | 'broken' | 'fails'
}

const turn = () => new Promise(setImmediate)
const broken = new GatewayError('upstream_truncated', 'cut')
const failure = new GatewayError('upstream_timeout', 'late').withAttempts([
  { target: 'far/m', durationMs: 1, code: 'upstream_timeout' },
])
const owner = { tenant: 'acme', keyId: 'key_1' }
const facts = { owner, cache: DEFAULT_POLICY }

class Play {
  readonly world: World
  readonly recall = recallOn({ clock: new ManualClock() })
  readonly readers: Reader[] = []
  readonly story: Story
  readonly waiting: {
    readonly begin: (reply: Reply) => void
    readonly fail: (error: unknown) => void
    readonly upstream: Upstream
  }[] = []
  /** What each run has said. */
  readonly said: string[] = []
  readonly stopped: boolean[] = []

  constructor(world: World) {
    this.world = world
    this.story = new Story(this.recall, (exchange) => {
      const { promise, resolve, reject } = Promise.withResolvers<Reply>()
      const place = this.waiting.length
      this.stopped[place] = false
      exchange.signal.addEventListener('abort', () => {
        this.stopped[place] = true
        reject(exchange.signal.reason)
      })
      this.waiting.push({ begin: resolve, fail: reject, upstream: new Upstream(exchange) })
      this.said.push('')
      return promise
    })
  }

  arrive(): void {
    const { isKeyed, isStream } = this.world
    const asked = client({ body: { stream: isStream }, headers: isKeyed ? { 'idempotency-key': 'k' } : {} })
    const reader: Reader = {
      client: asked,
      hasLeft: false,
      reply: undefined,
      error: undefined,
      text: '',
      hasEnded: false,
      bodyError: undefined,
      iterator: undefined,
      reading: Promise.resolve(),
    }
    this.readers.push(reader)
    this.story.serve(asked.exchange, facts).then(
      (reply) => {
        reader.reply = reply
        // As the server does with a client that left meanwhile.
        if (reader.hasLeft) drop(reply)
      },
      (error: unknown) => {
        reader.error = error
      },
    )
  }

  leave(reader: Reader): void {
    if (reader.hasLeft || reader.hasEnded) return
    reader.hasLeft = true
    reader.client.leave()
    if (reader.reply !== undefined) drop(reader.reply, reader.iterator)
  }

  read(reader: Reader): void {
    const { reply } = reader
    if (reply === undefined || reader.hasLeft || reader.hasEnded) return
    if (reply.body instanceof Uint8Array) {
      reader.text = Buffer.from(reply.body).toString()
      reader.hasEnded = true
      return reply.close(true)
    }
    reader.iterator ??= reply.body[Symbol.asyncIterator]()
    const { iterator } = reader
    reader.reading = reader.reading.then(async () => {
      if (reader.hasEnded || reader.hasLeft) return
      try {
        const next = await iterator.next()
        if (next.done === true) reader.hasEnded = !reader.hasLeft
        else reader.text += Buffer.from(next.value).toString()
      } catch (error) {
        reader.bodyError = error
        reader.hasEnded = true
      }
    })
  }

  say(text: string): void {
    this.waiting.forEach(({ upstream }, place) => {
      if (this.stopped[place] === true || !this.world.isStream) return
      upstream.say(text)
      this.said[place] = (this.said[place] ?? '') + text
    })
  }

  begin(): void {
    this.waiting.forEach(({ begin, fail, upstream }, place) => {
      if (this.world.ending === 'fails') fail(failure)
      else if (this.world.isStream) begin(upstream.reply)
      else {
        this.said[place] = 'whole'
        begin(plainReply('whole'))
      }
    })
  }

  end(): void {
    for (const { upstream } of this.waiting) {
      if (this.world.ending === 'broken') upstream.end('truncated', broken)
      else upstream.end()
    }
  }
}

function drop(reply: Reply, iterator?: AsyncIterator<Uint8Array>): void {
  reply.close(false)
  if (!(reply.body instanceof Uint8Array)) void (iterator ?? reply.body[Symbol.asyncIterator]()).return?.()
}

const worlds = fc.record({
  isKeyed: fc.boolean(),
  isStream: fc.boolean(),
  ending: fc.constantFrom('whole' as const, 'broken' as const, 'fails' as const),
})

test('fault 112: whoever comes, reads and leaves when, all read one answer or one error, and nothing is left behind', async () => {
  const property = fc.asyncProperty(worlds, fc.array(step, { maxLength: 40 }), async (world, steps) => {
    const play = new Play(world)
    for (const one of steps) {
      if (one.type === 'arrive' && play.readers.length < 10) play.arrive()
      else if (one.type === 'say') play.say(one.text)
      else if (one.type === 'begin') play.begin()
      else if (one.type === 'turn') await turn()
      else if (one.type === 'leave' || one.type === 'read') {
        const reader = play.readers[one.who]
        if (reader !== undefined) play[one.type](reader)
      }
      await Promise.resolve()
    }
    await finish(play)
    check(play)
  })
  const result = await fc.check(property, { numRuns: 400 })
  expect(fc.defaultReportMessage(result)).toBeUndefined()
})

/** Lets all that is under way come to its end. */
async function finish(play: Play): Promise<void> {
  await turn()
  play.begin()
  play.end()
  for (let round = 0; round < 60; round += 1) {
    await turn()
    // A keyed request that came late begins nothing; one of the cache may.
    play.begin()
    play.end()
    for (const reader of play.readers) play.read(reader)
  }
  await turn()
}

function check({ world, readers, story, said, stopped, recall }: Play): void {
  const stayed = readers.filter(({ hasLeft }) => !hasLeft)
  if (world.isKeyed) expect(story.executions).toBeLessThanOrEqual(1)
  for (const reader of stayed) {
    if (world.ending === 'fails') {
      // Kept, and given again, or told at once.
      const isTold = reader.error === failure || reader.reply?.status === failure.status
      expect(isTold).toBe(true)
      continue
    }
    expect(reader.error).toBeUndefined()
    expect(reader.hasEnded).toBe(true)
    expect(reader.bodyError).toBeUndefined()
    // The whole of one run that nobody gave up.
    expect(said.filter((_text, place) => stopped[place] !== true)).toContain(reader.text)
  }
  // A reader that left has read a beginning.
  for (const reader of readers.filter(({ hasLeft }) => hasLeft))
    expect(said.some((text) => text.startsWith(reader.text))).toBe(true)
  // I7: a run is given up only where everybody has left, and never one with a key.
  if (world.isKeyed) expect(stopped).not.toContain(true)
  expect(recall.load).toEqual({ running: 0, bytes: 0 })
}
