/** Faults of the connection, seen by a client that reads raw bytes: each does what its description says. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../std/manual-clock.test-support.ts'
import { ask, askOn, chat } from '../raw-client.test-support.ts'
import { startSimulator } from '../server.ts'
import { OPENAI, after, createFaultBench } from './fault-bench.test-support.ts'

const bench = createFaultBench()

describe('faults of the connection', () => {
  test('refuse-connection, reset-while-reading, reset-before-head reset before any byte', async () => {
    for (const fault of ['refuse-connection', 'reset-while-reading', 'reset-before-head']) {
      const answer = await bench.struck(fault)
      expect([fault, answer.ending, answer.bytes.length]).toEqual([fault, 'rst', 0])
    }
  })

  test('reset-while-reading resets once its bytes have come, before the body is whole', async () => {
    const started = bench.server.nextCall()
    const socket = connect(bench.server.port, '127.0.0.1')
    const gone = once(socket, 'error')
    socket.write(
      `POST ${OPENAI} HTTP/1.1\r\nx-simulate: reset-while-reading(after=20000)\r\ncontent-length: 1000000\r\n\r\n`,
    )
    socket.write(`{"model":"mock","filler":"${'x'.repeat(19_000)}`)
    const call = await started
    await vi.waitFor(() => expect(call.bodyBytes).toBeGreaterThan(19_000))
    expect(call.state).toBe('running')
    socket.write('x'.repeat(5000))
    await gone
    expect(call.requestEndMs).toBeUndefined()
    expect(call.bodyBytes).toBeLessThan(30_000)
  })

  test('black-hole and silent write nothing and go on doing so', async () => {
    for (const fault of ['black-hole(reading=go-on)', 'silent']) {
      const { call, socket } = await bench.held(fault)
      expect(call).toMatchObject({ state: 'running', bytesWritten: 0 })
      socket.destroy()
      await call.settled
      expect(call.state).toBe('peer-left')
    }
  })

  test('black-hole stops reading', async () => {
    const started = bench.server.nextCall()
    const socket = connect(bench.server.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      `POST ${OPENAI} HTTP/1.1\r\nx-simulate: black-hole\r\ncontent-length: 90000000\r\n\r\n{"model":"mock"`,
    )
    const block = Buffer.alloc(16_777_216, 'x')
    for (let count = 0; count < 5; count += 1) socket.write(block)
    const call = await started
    await vi.waitFor(() => expect(call.fault).toContain('black-hole'))
    expect(call.bodyBytes).toBeLessThan(16_777_216)
    expect(socket.writableLength).toBeGreaterThan(0)
    socket.destroy()
  })

  test('refuse-early answers while the body is still on its way, then closes', async () => {
    const socket = connect(bench.server.port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.write(
      `POST ${OPENAI} HTTP/1.1\r\nx-simulate: refuse-early(status=429)\r\ncontent-length: 1000000\r\n\r\n{"model":"mock",`,
    )
    await once(socket, 'end')
    expect(text).toMatch(/^HTTP\/1\.1 429 /)
    expect(text).toContain('connection: close')
  })

  test('close-before-head closes in order before any byte', async () => {
    expect(await bench.struck('close-before-head')).toMatchObject({ ending: 'fin', bytes: Buffer.alloc(0) })
  })

  test('close-idle answers, promises keep-alive, and closes', async () => {
    const answer = await bench.struck('close-idle', { until: () => false })
    expect(answer).toMatchObject({ status: 200, isWhole: true, ending: 'fin' })
    expect(answer.headers['connection']).toBe('keep-alive')
  })

  test('reset-reused answers the first request of a connection and resets on the second', async () => {
    const socket = connect(bench.server.port, '127.0.0.1')
    const request = { headers: { 'x-simulate': 'reset-reused' }, body: chat() }
    expect(await askOn(socket, request)).toMatchObject({ status: 200, ending: 'held' })
    expect(await askOn(socket, request)).toMatchObject({ bytes: Buffer.alloc(0), ending: 'rst' })
  })

  test('garbage-status-line, duplicate-content-length, length-and-chunked break HTTP', async () => {
    const garbage = await bench.struck('garbage-status-line', { until: after('\r\n\r\n') })
    expect(garbage.text).not.toMatch(/^HTTP\//)
    const twice = await bench.struck('duplicate-content-length', { until: after('simulated') })
    expect(twice.text.match(/content-length/g)).toHaveLength(2)
    const both = await bench.struck('length-and-chunked', { until: after('simulated') })
    expect(both.text).toMatch(/content-length: \d+\r\ntransfer-encoding: chunked/)
  })

  test('huge-header sends a header of a megabyte', async () => {
    const answer = await bench.struck('huge-header', { until: after('simulated') })
    expect(answer.headers['x-huge']).toHaveLength(1_048_576)
  })

  test('endless-1xx sends interim answers without an end', async () => {
    const answer = await bench.struck('endless-1xx(everyMs=1)', {
      until: (bytes) => bytes.toString().split('HTTP/1.1 103').length > 20,
    })
    expect(answer.ending).toBe('held')
    expect(answer.text).not.toContain('HTTP/1.1 200')
  })

  test('slow-head sends its head byte by byte', async () => {
    const clock = new ManualClock()
    const slow = await startSimulator({ clock })
    const started = slow.nextCall()
    const answering = ask(slow.port, { headers: { 'x-simulate': 'slow-head' }, body: chat() })
    const call = await started
    for (let count = 1; count <= 5; count += 1) {
      await vi.waitFor(() => expect(call.bytesWritten).toBe(count))
      clock.advance(1000)
    }
    clock.advance(1_000_000)
    expect(await answering).toMatchObject({ status: 200, isWhole: true })
    await slow.close()
  })

  test('extra-response sends a second answer nobody asked for', async () => {
    const answer = await bench.struck('extra-response', { until: after('"stray":true}') })
    expect(answer.text.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
    expect(await bench.struck('extra-response(end=close)', { until: () => false })).toMatchObject({
      ending: 'fin',
    })
  })
})
