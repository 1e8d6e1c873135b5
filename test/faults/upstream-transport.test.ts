/** What the network and the transport below HTTP do to a call: rows 1 to 17 of the fault catalogue that concern one origin. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { httpAnswer, openWall } from '../../src/upstream/wall.ts'
import { testFaultRows } from '../support/fault-rows.ts'
import { COMBINATIONS, expectRefused, expectWhole, IMPATIENT, openBench } from '../support/upstreams.ts'

testFaultRows([
  {
    row: 8,
    fault: 'reset-before-head',
    calls: { beside: 2, alone: 2 },
    code: 'upstream_reset',
    status: 502,
    shouldRetry: true,
    cost: 'unknown',
  },
  {
    row: 8,
    fault: 'close-before-head',
    calls: { beside: 2, alone: 2 },
    code: 'upstream_reset',
    status: 502,
    shouldRetry: true,
    cost: 'unknown',
  },
  {
    row: 11,
    fault: 'silent',
    calls: { beside: 1, alone: 1 },
    code: 'upstream_timeout',
    status: 504,
    shouldRetry: true,
    cost: 'unknown',
  },
  {
    row: 13,
    fault: 'black-hole(reading=stop)',
    calls: { beside: 1, alone: 1 },
    code: 'upstream_timeout',
    status: 504,
    shouldRetry: true,
    cost: 'unknown',
  },
  ...['garbage-status-line', 'huge-header', 'duplicate-content-length', 'length-and-chunked'].map(
    (fault) =>
      ({
        row: 15,
        fault,
        calls: { beside: 2, alone: 2 },
        code: 'upstream_protocol',
        status: 502,
        shouldRetry: true,
        cost: 'none',
      }) as const,
  ),
  {
    row: 16,
    fault: 'endless-1xx(everyMs=20)',
    calls: { beside: 1, alone: 1 },
    code: 'upstream_timeout',
    status: 504,
    shouldRetry: true,
    cost: 'unknown',
  },
  {
    row: 17,
    fault: 'slow-head(everyMs=50)',
    calls: { beside: 1, alone: 1 },
    code: 'upstream_timeout',
    status: 504,
    shouldRetry: true,
    cost: 'unknown',
  },
])

describe('fault 1: a closed port', () => {
  test.for(COMBINATIONS)(
    'fault 1: $client $mode from $target: transparent once, then the fallback',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target }, backup: { dialect: target, text: 'From the backup.' } },
      })
      await bench.simulators.get('primary')?.refuseConnections()
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, 'From the backup.')
      const { attempts } = await bench.recordOf(answer)
      expect(attempts.map(({ target: id, code, usageSource }) => ({ id, code, usageSource }))).toEqual([
        { id: 'primary/m', code: 'upstream_unreachable', usageSource: 'none' },
        { id: 'primary/m', code: 'upstream_unreachable', usageSource: 'none' },
        { id: 'backup/m', code: undefined, usageSource: 'reported' },
      ])
    },
  )

  test('fault 1: alone, the client is told 502 upstream_unreachable', async () => {
    await using bench = await openBench({ upstreams: { primary: { dialect: 'openai-chat' } } })
    await bench.simulators.get('primary')?.refuseConnections()
    const answer = await bench.ask({ client: 'anthropic-messages', mode: 'plain' })
    expectRefused(answer, { status: 502, code: 'upstream_unreachable', shouldRetry: true })
    expect((await bench.recordOf(answer)).exchange).toMatchObject({ state: 'failed', attempts: 2 })
  })
})

/** A listener that takes no connection: its process stands still and its queue is full, so that a SYN gets no answer. */
async function openBlackHole(): Promise<AsyncDisposable & { readonly origin: string }> {
  const program = `
    const server = require('node:net').createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout, 'data')
  const port = Number(String(line))
  child.kill('SIGSTOP')
  const fillers: Socket[] = []
  for (let place = 0; place < 8; place += 1) {
    const filler = connect({ port, host: '127.0.0.1' })
    filler.on('error', () => undefined)
    fillers.push(filler)
  }
  await Promise.any(fillers.map((filler) => once(filler, 'connect')))
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy()
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

test.runIf(process.platform === 'linux')(
  'fault 2: a black hole costs the connect limit, and the fallback answers',
  async () => {
    await using hole = await openBlackHole()
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: 'openai-chat', origin: hole.origin, timeouts: { connect: '300ms' } },
        backup: { dialect: 'anthropic-messages', text: 'Out of the hole.' },
      },
    })
    const startedMs = performance.now()
    const answer = await bench.ask({ client: 'openai-chat', mode: 'stream' })
    expectWhole(answer, 'Out of the hole.')
    // The first connect and the one that is free, since nothing had left us.
    expect(performance.now() - startedMs).toBeLessThan(2_500)
    const { attempts } = await bench.recordOf(answer)
    const failed = attempts.slice(0, -1)
    expect(failed.length).toBeGreaterThan(0)
    for (const attempt of failed) {
      expect(attempt).toMatchObject({ code: 'upstream_unreachable', usageSource: 'none' })
      expect(attempt.durationMs).toBeLessThan(900)
    }
  },
)

test.for(COMBINATIONS)(
  'fault 8: one reset before the head is made good by the same target ($client $mode from $target)',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: target,
          text: 'Second try.',
          faults: [{ fault: 'reset-before-head', first: 1 }],
        },
        backup: { dialect: target, text: 'Not needed.' },
      },
    })
    const answer = await bench.ask({ client, mode })
    expectWhole(answer, 'Second try.')
    expect(bench.calls('primary')).toHaveLength(2)
    expect(bench.calls('backup')).toHaveLength(0)
  },
)

test.for(COMBINATIONS)(
  'fault 9: a reset while the body is on its way is made good ($client $mode from $target)',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: target,
          text: 'Whole after all.',
          faults: [{ fault: 'reset-while-reading(after=10240)', first: 1, operation: 'any' }],
        },
      },
    })
    const answer = await bench.ask({ client, mode, prompt: 'long '.repeat(400_000) })
    expectWhole(answer, 'Whole after all.')
    const { attempts } = await bench.recordOf(answer)
    expect(attempts.map(({ code }) => code)).toEqual(['upstream_reset', undefined])
  },
)

test.for([
  { status: 413, code: 'upstream_request_too_large', told: 413 },
  { status: 429, code: 'rate_limited', told: 429 },
])(
  'fault 10: a $status that comes while the body is still on its way counts as that status',
  async ({ status, code, told }) => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: 'openai-chat',
          faults: [{ fault: `refuse-early(status=${status})`, operation: 'any' }],
        },
      },
      retries: 0,
    })
    const answer = await bench.ask({
      client: 'openai-chat',
      mode: 'stream',
      prompt: 'long '.repeat(400_000),
    })
    expect(answer.status).toBe(told)
    expect(answer.error?.code).toBe(code)
    const { attempts } = await bench.recordOf(answer)
    expect(attempts).toMatchObject([{ code, upstreamStatus: status, usageSource: 'none' }])
  },
)

test.for(['close-idle(ms=0)', 'close-idle(ms=5)', 'reset-reused'])(
  'fault 12: %s: kept-alive connections that die cost no client an error',
  async (fault) => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: 'openai-chat', faults: [fault], text: 'Every time.' } },
      retries: 0,
    })
    for (let turn = 0; turn < 20; turn += 1) {
      const answer = await bench.ask({
        client: 'openai-chat',
        mode: turn % 2 === 0 ? 'plain' : 'stream',
      })
      expectWhole(answer, 'Every time.')
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange.state).toBe('completed')
      expect(attempts.length).toBeLessThanOrEqual(2)
    }
  },
)

test('fault 13: a stream whose socket dies without a word ends by the idle limit, in-band', async () => {
  const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
  const delta = { ...chunk, choices: [{ index: 0, delta: { content: 'half' }, finish_reason: null }] }
  await using wall = await openWall(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n')
    const event = `data: ${JSON.stringify(delta)}\n\n`
    socket.write(`${event.length.toString(16)}\r\n${event}\r\n`)
  })
  await using bench = await openBench({
    upstreams: { primary: { dialect: 'openai-chat', origin: wall.origin, timeouts: IMPATIENT } },
  })
  const answer = await bench.ask({ client: 'anthropic-messages', mode: 'stream' })
  expect(answer.text).toBe('half')
  expect(answer.error?.code).toBe('upstream_timeout')
  expect(answer.hasTerminal).toBe(false)
  expect(wall.requests).toHaveLength(1)
  const { exchange, attempts } = await bench.recordOf(answer)
  expect(exchange.state).toBe('truncated')
  expect(attempts).toMatchObject([{ outcome: 'failed', usageSource: 'unknown', isWaste: true }])
})

test('fault 16: a few interim answers before the real one do no harm', async () => {
  const whole = httpAnswer(
    200,
    JSON.stringify({
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: 'After all.' }, finish_reason: 'stop' }],
    }),
  )
  await using wall = await openWall(({ socket }) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n')
    socket.write(whole)
  })
  await using bench = await openBench({
    upstreams: { primary: { dialect: 'openai-chat', origin: wall.origin } },
  })
  expectWhole(await bench.ask({ client: 'openai-chat', mode: 'plain' }), 'After all.')
  expect(wall.requests).toHaveLength(1)
})
