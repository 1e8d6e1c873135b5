/** Faults of a stream in time, seen by a client that reads raw bytes; long silences are moved through by hand. */

import { describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../std/manual-clock.test-support.ts'
import { ask, chat, textOfStream } from '../raw-client.test-support.ts'
import { startSimulator } from '../server.ts'
import { WHOLE, OPENAI, ANTHROPIC, DIALECTS, createFaultBench } from './fault-bench.test-support.ts'

const bench = createFaultBench()

describe('faults of a stream in time', () => {
  test('late-first-token, stall: the clock decides when the rest comes', async () => {
    const clock = new ManualClock()
    const slow = await startSimulator({ clock })
    for (const [fault, seen] of [
      ['late-first-token(ms=20000)', ''],
      ['stall(token=5,ms=30000)', WHOLE.slice(0, 20)],
    ]) {
      const started = slow.nextCall()
      const answering = ask(slow.port, {
        headers: { 'x-simulate': String(fault) },
        body: chat({ stream: true }),
      })
      const call = await started
      await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
      const { tokensGenerated } = call
      clock.advance(19_999)
      expect(call.tokensGenerated).toBe(tokensGenerated)
      expect(tokensGenerated).toBe(String(seen).length / 4)
      clock.advance(30_000)
      const answer = await answering
      expect(textOfStream(answer.body)).toBe(WHOLE)
      expect(answer.isWhole).toBe(true)
    }
    await slow.close()
  })

  test.each(['never-first-token', 'head-only', 'stall(ms=0)'])(
    '%s holds the stream open in silence',
    async (fault) => {
      const { call, socket } = await bench.held(fault, { stream: true })
      const written = call.bytesWritten
      expect(written).toBeGreaterThan(100)
      expect(call).toMatchObject({ state: 'running', tokensGenerated: fault.startsWith('stall') ? 5 : 0 })
      socket.destroy()
      await call.settled
      expect(call.bytesWritten).toBe(written)
    },
  )

  test.each([
    ['comments', OPENAI, ': keep-alive\n\n'],
    ['pings', ANTHROPIC, 'event: ping'],
    ['empty-deltas', OPENAI, '"content":""'],
    ['empty-deltas', ANTHROPIC, '"text":""'],
  ])('only-pings (%s at %s) shows signs of life and nothing else', async (kind, path, sign) => {
    const answer = await bench.streamed(`only-pings(kind=${kind},everyMs=1)`, {
      path,
      until: (bytes) => bytes.toString().split(sign).length > 10,
    })
    expect(answer.ending).toBe('held')
    expect(textOfStream(answer.body)).toBe('')
  })

  test('reset-after-start resets after the opening event', async () => {
    for (const path of DIALECTS) {
      const answer = await bench.streamed('reset-after-start', { path })
      expect(answer.ending).toBe('rst')
      expect(answer.body.toString()).toMatch(path === OPENAI ? /"role":"assistant"/ : /message_start/)
      expect(textOfStream(answer.body)).toBe('')
    }
  })

  test.each([
    ['rst', 'rst'],
    ['fin', 'fin'],
    ['chunk-abort', 'fin'],
  ])('cut-stream by %s breaks off after its tokens', async (by, ending) => {
    for (const path of DIALECTS) {
      const answer = await bench.streamed(`cut-stream(token=3,by=${by})`, { path })
      expect(answer).toMatchObject({ ending, isWhole: false })
      expect(textOfStream(answer.body)).toBe(WHOLE.slice(0, 12))
    }
  })

  test('cut-tool-arguments and cut-reasoning break off inside them', async () => {
    for (const path of DIALECTS) {
      const tool = await bench.streamed('cut-tool-arguments(token=2)', { path })
      expect(tool.ending).toBe('rst')
      expect(tool.text).toMatch(/"(arguments|partial_json)":"ty\\":/)
      const reasoning = await bench.streamed('cut-reasoning(token=3)', { path })
      expect(reasoning.ending).toBe('rst')
      expect(reasoning.text).toMatch(/"(reasoning_content|thinking)":"Simu"/)
      expect(textOfStream(reasoning.body)).toBe('')
    }
  })

  test('no-finish, done-without-finish, no-done leave out what their names say', async () => {
    for (const path of DIALECTS) {
      const [finish, done] =
        path === OPENAI ? [/"finish_reason":"stop"/, /\[DONE\]/] : [/message_delta/, /message_stop/]
      const neither = await bench.streamed('no-finish', { path })
      expect(neither).toMatchObject({ isWhole: true, ending: 'held' })
      expect(neither.text).not.toMatch(finish)
      expect(neither.text).not.toMatch(done)
      const noFinish = await bench.streamed('done-without-finish', { path })
      expect(noFinish.text).not.toMatch(finish)
      expect(noFinish.text).toMatch(done)
      const noDone = await bench.streamed('no-done(end=close)', { path })
      expect(noDone.text).toMatch(finish)
      expect(noDone.text).not.toMatch(done)
      expect(noDone.isWhole).toBe(true)
    }
  })

  test('no-done and hold-after-done hold the socket', async () => {
    for (const fault of ['no-done', 'hold-after-done']) {
      const { call, socket } = await bench.held(fault, { stream: true })
      expect(call).toMatchObject({ state: 'running', tokensGenerated: 16 })
      socket.destroy()
      await call.settled
      expect(call.state).toBe('peer-left')
    }
  })

  test('endless-generation goes on, and stops when nobody reads', async () => {
    const started = bench.server.nextCall()
    const answer = await bench.streamed('endless-generation', { until: (bytes) => bytes.length > 2_000_000 })
    expect(answer.ending).toBe('held')
    const call = await started
    await call.settled
    expect(call.state).toBe('peer-left')
  })
})
