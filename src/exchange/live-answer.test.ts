import { describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { LIVE_BYTES_MAX, LiveAnswer, type EndedAnswer } from './live-answer.ts'
import { client, Upstream } from './recall.test-support.ts'

const turn = () => new Promise(setImmediate)

function live({ isDurable = false, bytesMax = 10_000, memory = { bytes: 0 } } = {}) {
  const { exchange } = client({ body: { stream: true } })
  const upstream = new Upstream(exchange)
  const ended: EndedAnswer[] = []
  const { body } = upstream.reply
  if (body instanceof Uint8Array) throw new Error('It is a stream.')
  const answer = new LiveAnswer({
    reply: { ...upstream.reply, body },
    exchangeId: exchange.id,
    memory,
    bytesMax,
    isDurable,
    onEnd: (end) => void ended.push(end),
  })
  const onLeave = vi.fn()
  const join = () => answer.join(exchange, onLeave)
  return { answer, upstream, ended, memory, join, onLeave, exchange }
}

async function readAll(reader: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of reader) text += Buffer.from(chunk).toString()
  return text
}

describe('a live answer', () => {
  test('pauses its source while nobody reads on, unless it is to be made whoever reads', async () => {
    const paused = live()
    const reader = paused.join()
    for (const text of ['a', 'b', 'c']) paused.upstream.say(text)
    const pulled = vi.spyOn(paused.upstream, 'next')
    await reader.next()
    await turn()
    expect(pulled).toHaveBeenCalledTimes(1)
    const durable = live({ isDurable: true })
    for (const text of ['a', 'b', 'c']) durable.upstream.say(text)
    durable.upstream.end()
    await durable.answer.over
    expect(Buffer.from(durable.ended[0]?.body ?? []).toString()).toBe('abc')
  })

  test('tells its readers of the end only when what is done at the end is done', async () => {
    const { exchange } = client({ body: { stream: true } })
    const upstream = new Upstream(exchange)
    const kept = Promise.withResolvers<void>()
    const { body } = upstream.reply
    if (body instanceof Uint8Array) throw new Error('It is a stream.')
    const reply = { ...upstream.reply, body }
    const init = { exchangeId: 'x', memory: { bytes: 0 }, bytesMax: 100, isDurable: true }
    const answer = new LiveAnswer({ ...init, reply, onEnd: () => kept.promise })
    const reader = answer.join(exchange, () => {})
    upstream.say('last')
    upstream.end()
    expect((await reader.next()).value).toEqual(Buffer.from('last'))
    let isTold = false
    const end = reader.next().then((step) => (isTold = step.done === true))
    await turn()
    expect(isTold).toBe(false)
    kept.resolve()
    expect(await end).toBe(true)
  })

  test('beyond its bound holds a window: who reads along gets all, who falls out of it is cut and told', async () => {
    const { upstream, join, memory, ended, answer } = live({ isDurable: true, bytesMax: 1_000 })
    const quick = readAll(join())
    const slow = join()
    const first = slow.next()
    upstream.say('x'.repeat(300))
    expect((await first).value).toHaveLength(300)
    for (let count = 0; count < 9; count += 1) {
      upstream.say('x'.repeat(300))
      await turn()
    }
    upstream.end()
    expect(await quick).toHaveLength(3_000)
    await expect(slow.next()).rejects.toMatchObject({ code: 'overloaded' })
    expect(await slow.settled).toMatchObject({ state: 'truncated' })
    await answer.over
    expect(ended[0]?.body).toBeUndefined()
    expect(answer.isJoinable).toBe(false)
    expect(memory.bytes).toBe(0)
  })

  test('is not held whole where all answers together hold too much', async () => {
    const { upstream, join, answer, memory } = live({ memory: { bytes: LIVE_BYTES_MAX } })
    const text = readAll(join())
    upstream.say('a')
    await turn()
    expect(answer.isJoinable).toBe(false)
    upstream.end()
    expect(await text).toBe('a')
    expect(memory.bytes).toBe(LIVE_BYTES_MAX)
  })

  test('gives its memory back when its last reader has read it or left', async () => {
    const { upstream, join, memory, answer, onLeave } = live({ isDurable: true })
    const one = join()
    const two = join()
    upstream.say('abc')
    upstream.end()
    await answer.over
    expect(memory.bytes).toBeGreaterThan(0)
    expect(await readAll(one)).toBe('abc')
    await two.return()
    expect(memory.bytes).toBe(0)
    expect(onLeave).toHaveBeenCalledTimes(2)
  })

  test('says an error in its own words to a reader that has all of it, and in general ones to others', async () => {
    const { exchange } = client({ body: { stream: true } })
    const upstream = new Upstream(exchange)
    const { body } = upstream.reply
    if (body instanceof Uint8Array) throw new Error('It is a stream.')
    const ended: EndedAnswer[] = []
    const writeError = vi.fn(() => 'own words')
    const reply = { ...upstream.reply, body, writeError }
    const init = { exchangeId: 'x', memory: { bytes: 0 }, bytesMax: 100, isDurable: true }
    const answer = new LiveAnswer({ ...init, reply, onEnd: (end) => void ended.push(end) })
    const near = answer.join(exchange, () => {})
    const far = answer.join(exchange, () => {})
    upstream.say('a')
    await near.next()
    const error = new GatewayError('gateway_shutting_down', 'bye')
    expect(near.writeError(error)).toBe('own words')
    expect(near.writeError(error)).toBe('own words')
    expect(writeError).toHaveBeenCalledTimes(1)
    expect(far.writeError(error)).toContain('gateway_shutting_down')
    upstream.end()
    await answer.over
    // What was said in the place of the end is not part of the answer, and what came after it may lack something.
    expect(ended[0]?.body).toBeUndefined()
  })

  test('wakes a reader that waits and leaves', async () => {
    const { join } = live()
    const reader = join()
    const step = reader.next()
    await reader.return()
    expect(await step).toEqual({ done: true, value: undefined })
  })
})
