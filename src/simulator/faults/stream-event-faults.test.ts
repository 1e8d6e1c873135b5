/** Faults of single events in a stream, seen by a client that reads raw bytes, in both dialects. */

import { describe, expect, test } from 'vitest'
import { textOfStream } from '../raw-client.test-support.ts'
import {
  WHOLE,
  OPENAI,
  ANTHROPIC,
  DIALECTS,
  events,
  json,
  createFaultBench,
} from './fault-bench.test-support.ts'

const bench = createFaultBench()

describe('faults of single events', () => {
  test.each(DIALECTS)('error-before-content and error-after-content at %s', async (path) => {
    const before = await bench.streamed('error-before-content(error=overloaded)', { path })
    expect(before).toMatchObject({ status: 200, isWhole: true })
    expect(textOfStream(before.body)).toBe('')
    expect(events(before).at(-1).error.message).toBe('Overloaded')
    if (path === ANTHROPIC) expect(before.text).toContain('event: error\ndata: {"type":"error"')
    const later = await bench.streamed('error-after-content(token=5,error=rate-limit)', { path })
    expect(textOfStream(later.body)).toBe(WHOLE.slice(0, 20))
    expect(later.text).not.toMatch(/\[DONE\]|message_stop/)
    expect(events(later).at(-1).error.message).toContain('Rate limit')
  })

  test('errors are told in other styles too', async () => {
    const router = events(await bench.streamed('error-after-content(style=openrouter)')).at(-1)
    expect(router).toMatchObject({ error: { code: 529 }, choices: [{ finish_reason: 'error' }] })
    expect((await bench.streamed('error-after-content(style=field)')).body.toString()).toMatch(
      /\n\nerror: \{.*\}\n\n$/,
    )
    expect((await bench.streamed('error-line')).body.toString()).toMatch(/\n\n\{"error":\{.*\}\}\n\n$/)
  })

  test('malformed-event, unknown-event come between whole ones', async () => {
    for (const path of DIALECTS) {
      const broken = await bench.streamed('malformed-event(token=3,count=2)', { path })
      expect(events(broken).filter((event) => typeof event === 'string' && event !== '[DONE]')).toHaveLength(
        2,
      )
      expect(textOfStream(broken.body)).toBe(WHOLE)
      const unknown = await bench.streamed('unknown-event', { path })
      expect(unknown.text).toContain('event: future_event')
      expect(textOfStream(unknown.body)).toBe(WHOLE)
    }
  })

  test('content-filter ends the stream in the middle', async () => {
    const openai = await bench.streamed('content-filter(token=5)')
    expect(textOfStream(openai.body)).toBe(WHOLE.slice(0, 20))
    expect(openai.text).toContain('"finish_reason":"content_filter"')
    const anthropic = await bench.streamed('content-filter(token=5)', { path: ANTHROPIC })
    expect(anthropic.text).toMatch(/"stop_reason":"refusal"[^]*message_stop/)
  })

  test('after-terminal, two-starts, two-dones repeat or follow', async () => {
    for (const path of DIALECTS) {
      const done = path === OPENAI ? '[DONE]' : 'event: message_stop'
      const start = path === OPENAI ? '"role":"assistant","content":""' : 'event: message_start'
      const afterwards = (await bench.streamed('after-terminal', { path })).text.split(done)[1]
      expect(afterwards).toMatch(/This/)
      expect((await bench.streamed('two-starts', { path })).text.split(start)).toHaveLength(3)
      expect((await bench.streamed('two-dones', { path })).text.split(done)).toHaveLength(3)
    }
  })

  test('changing-ids gives every event another id', async () => {
    const ids = events(await bench.streamed('changing-ids')).flatMap((event) => event.id ?? [])
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('sse-in-text keeps the syntax of events inside the text', async () => {
    for (const path of DIALECTS) {
      const answer = await bench.streamed('sse-in-text', { path })
      expect(textOfStream(answer.body)).toContain('simulated\n\ndata: [DONE]\n\nevent: message_stop\n')
      expect(textOfStream(answer.body)).toMatch(/still text$/)
      expect(JSON.stringify(json(await bench.struck('sse-in-text', { path })))).toContain('data: [DONE]')
    }
  })

  test('stream-choices holds nothing, null, or index 1 alone', async () => {
    const find = async (kind: string, path = OPENAI) =>
      events(await bench.streamed(`stream-choices(kind=${kind})`, { path }))
    expect((await find('null')).some((event) => event.choices === null)).toBe(true)
    expect((await find('empty')).filter((event) => event.choices?.length === 0)).toHaveLength(2)
    expect((await find('missing')).some((event) => event.object && !('choices' in event))).toBe(true)
    expect((await find('delta-null')).some((event) => event.choices?.[0]?.delta === null)).toBe(true)
    expect((await find('index-1')).every((event) => (event.choices?.[0]?.index ?? 1) === 1)).toBe(true)
    expect((await find('null', ANTHROPIC)).some((event) => event.delta === null)).toBe(true)
    expect(
      (await find('missing', ANTHROPIC)).some(
        (event) => event.type === 'content_block_delta' && !('delta' in event),
      ),
    ).toBe(true)
  })

  test('stream-usage stands in every event, twice, on the finish, in the tail, or nowhere', async () => {
    const count = async (kind: string, path = OPENAI) =>
      events(await bench.streamed(`stream-usage(kind=${kind})`, { path })).filter(
        (event) => event.usage ?? event.message?.usage,
      )
    expect((await count('every')).length).toBeGreaterThan(16)
    expect((await count('every')).map((event) => event.usage.completion_tokens).slice(0, 3)).toEqual([
      0, 1, 2,
    ])
    expect(await count('twice')).toHaveLength(2)
    expect((await count('finish')).map((event) => event.choices[0].finish_reason)).toEqual(['stop'])
    expect((await count('tail')).map((event) => event.choices)).toEqual([[]])
    expect(await count('none')).toEqual([])
    expect(await count('twice', ANTHROPIC)).toHaveLength(3)
  })
})
