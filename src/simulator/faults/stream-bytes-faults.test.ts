/** Faults of the bytes of a stream, seen by a client that reads raw bytes. */

import { describe, expect, test } from 'vitest'
import { textOfStream } from '../raw-client.test-support.ts'
import { WHOLE, OPENAI, DIALECTS, events, after, createFaultBench } from './fault-bench.test-support.ts'

const bench = createFaultBench()

describe('faults of a stream in bytes', () => {
  test.each([
    ['crlf', /^data: .*\r\n\r\ndata: /],
    ['cr', /^data: [^\n]*\r\rdata: [^\n]*$/],
    ['bom', /^\ufeffdata: /],
    ['multi-line', /^data: \{\ndata: {2}"id"/],
    ['no-space', /^data:\{/],
    ['no-last-blank-line', /data: \[DONE\]\n$/],
    ['comments', /^: SIMULATED PROCESSING\n\ndata: /],
    ['ids', /^id: 7\nretry: 1000\ndata: /],
  ])('framing (%s) changes the lines, not the data', async (kind, pattern) => {
    const answer = await bench.streamed(`framing(kind=${kind})`)
    expect(answer.isWhole).toBe(true)
    expect(answer.body.toString()).toMatch(pattern)
  })

  test('byte-by-byte sends every byte of the body in a chunk of its own', async () => {
    const answer = await bench.streamed('byte-by-byte')
    expect(textOfStream(answer.body)).toBe(WHOLE)
    expect(answer.text.match(/(?<=\r\n)1\r\n/g)?.length).toBeGreaterThan(answer.body.length / 2)
  })

  test('invalid-utf8 holds one byte that is none', async () => {
    for (const path of DIALECTS) {
      const answer = await bench.streamed('invalid-utf8', { path })
      expect(answer.body.filter((byte) => byte === 0xff)).toHaveLength(1)
      expect(answer.body.toString()).toContain('\ufffdhis')
    }
  })

  test('huge-event is one whole event of its size; long-line never ends', async () => {
    const huge = await bench.streamed('huge-event(bytes=200000)', { until: after('[DONE]') })
    expect(events(huge).some((event) => event.filler?.length === 200_000)).toBe(true)
    expect(textOfStream(huge.body)).toBe(WHOLE)
    const line = await bench.streamed('long-line')
    expect(line).toMatchObject({ isWhole: true })
    expect(line.body.toString().split('\n').at(-1)).toHaveLength(65_536 + 'data: {"filler":"'.length)
  })

  test('tiny-events come in their number before the content', async () => {
    for (const path of DIALECTS) {
      const answer = await bench.streamed('tiny-events(count=3000)', {
        path,
        until: after(path === OPENAI ? '[DONE]' : 'message_stop'),
      })
      const sign = path === OPENAI ? '"choices":[]}' : 'event: ping'
      expect(answer.body.toString().split(sign).length - 1).toBeGreaterThanOrEqual(3000)
      expect(textOfStream(answer.body)).toBe(WHOLE)
    }
  })
})
