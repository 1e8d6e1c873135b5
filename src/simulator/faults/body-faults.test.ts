/** Faults of a plain body, seen by a client that reads raw bytes: each does what its description says. */

import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../std/manual-clock.test-support.ts'
import { ask, chat, textOfStream } from '../raw-client.test-support.ts'
import { startSimulator } from '../server.ts'
import { WHOLE, DIALECTS, json, after, createFaultBench } from './fault-bench.test-support.ts'

const bench = createFaultBench()

describe('faults of a plain body', () => {
  test.each([
    ['end', 'held', true],
    ['rst', 'rst', false],
    ['fin', 'fin', false],
    ['chunk-abort', 'fin', false],
  ])('cut-body by %s sends so many bytes of JSON', async (by, ending, isWhole) => {
    const answer = await bench.struck(`cut-body(byte=33,by=${by})`)
    expect([answer.body.toString().slice(0, 6), answer.ending, answer.isWhole]).toEqual([
      '{"id":',
      ending,
      isWhole,
    ])
    expect(answer.body.toString().replace(/data: $/, '')).toHaveLength(33)
  })

  test('length-too-large and no-last-chunk end before their framing does', async () => {
    const short = await bench.struck('length-too-large(extra=10)')
    expect(short).toMatchObject({ ending: 'fin', isWhole: false })
    expect(short.body.length).toBe(Number(short.headers['content-length']) - 10)
    const endless = await bench.struck('no-last-chunk')
    expect(endless).toMatchObject({ ending: 'fin', isWhole: false })
    expect(json(endless).choices).toHaveLength(1)
  })

  test('no-length tells its end by closing', async () => {
    const answer = await bench.struck('no-length')
    expect(answer).toMatchObject({ ending: 'fin', isWhole: true })
    expect(answer.headers['content-length']).toBeUndefined()
    expect(json(answer).choices).toHaveLength(1)
  })

  test('blank-lines come before the JSON, at their own pace', async () => {
    const answer = await bench.struck('blank-lines(count=7,everyMs=1)')
    expect(answer.body.toString()).toMatch(/^\n{7}\{/)
    expect(json(answer).choices).toHaveLength(1)
  })

  test('endless-body goes on', async () => {
    const answer = await bench.struck('endless-body', { until: (bytes) => bytes.length > 3_000_000 })
    expect(answer).toMatchObject({ ending: 'held', isWhole: false })
  })

  test('slow-body sends a few bytes, then waits', async () => {
    const clock = new ManualClock()
    const slow = await startSimulator({ clock })
    const first = await ask(slow.port, {
      headers: { 'x-simulate': 'slow-body(bytes=3)' },
      body: chat(),
      until: after('{"i'),
    })
    expect(first.body.toString()).toBe('{"i')
    await slow.close()
    expect(json(await bench.struck('slow-body(bytes=100,everyMs=1)')).choices).toHaveLength(1)
  })

  test('body-bomb unpacks to very much in each encoding', async () => {
    const unpack = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync }
    for (const [encoding, open] of Object.entries(unpack)) {
      const answer = await bench.struck(`body-bomb(encoding=${encoding},megabytes=2)`)
      expect(answer.headers['content-encoding']).toBe(encoding)
      expect(open(answer.body).length).toBe(2 * 1_048_576)
      expect(answer.body.length).toBeLessThan(20_000)
    }
  })

  test('wrong-encoding claims an encoding the body does not have', async () => {
    const answer = await bench.struck('wrong-encoding')
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(json(answer).choices).toHaveLength(1)
  })

  test('encoding-chain packs the body ten times', async () => {
    const answer = await bench.struck('encoding-chain')
    expect(answer.headers['content-encoding']?.split(', ')).toHaveLength(10)
    let body = answer.body
    for (let round = 0; round < 10; round += 1) body = gunzipSync(body)
    expect(JSON.parse(body.toString()).choices).toHaveLength(1)
  })

  test('sse-for-plain and json-for-stream answer in the other form', async () => {
    for (const path of DIALECTS) {
      const sse = await bench.struck('sse-for-plain', { path })
      expect(sse.headers['content-type']).toContain('text/event-stream')
      expect(textOfStream(sse.body)).toBe(WHOLE)
      const plain = await bench.streamed('json-for-stream', { path })
      expect(plain.headers['content-type']).toBe('application/json')
      expect(JSON.stringify(json(plain))).toContain(WHOLE)
    }
  })
})
