import { describe, expect, test } from 'vitest'
import { NO_CONNECTION_FREE, TRANSPORT_CLOSED } from './transport-codes.ts'
import { httpAnswer, openRawWall, openWall, until } from './wall.ts'
import { openTransport, requestTo } from './watched-call.ts'

describe('the pool of an origin', () => {
  test('uses one connection again and again', async () => {
    await using wall = await openWall(({ socket }) => socket.write(httpAnswer(200, '{}')))
    const { run } = openTransport()
    for (let turn = 0; turn < 5; turn += 1) await run(requestTo(wall.origin))
    expect(wall.sockets).toHaveLength(1)
    expect(wall.requests).toHaveLength(5)
  })

  test('fault 12: a kept-alive connection that dies before the next answer is told apart', async () => {
    await using wall = await openWall(({ socket, number }) => {
      if (number === 2) socket.resetAndDestroy()
      else socket.write(httpAnswer(200, '{}'))
    })
    const { run } = openTransport()
    await run(requestTo(wall.origin))
    const second = await run(requestTo(wall.origin))
    expect(second.failure).toMatchObject({ phase: 'request', isStaleConnection: true })
    const third = await run(requestTo(wall.origin))
    expect(third.status).toBe(200)
    expect(wall.sockets).toHaveLength(2)
  })

  test('fault 12: a kept-alive connection that its server has closed is not used again', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write(httpAnswer(200, '{}'))
      setImmediate(() => socket.end())
    })
    const { run } = openTransport()
    for (let turn = 0; turn < 20; turn += 1) {
      const watched = await run(requestTo(wall.origin))
      expect(watched.failure ?? watched.status).toBe(200)
      await until(() => wall.sockets.every((socket) => socket.destroyed || socket.readableEnded))
    }
  })

  test('fault 12: a connection that broke inside its answer is not called stale', async () => {
    await using wall = await openWall(({ socket, number }) => {
      if (number === 1) socket.write(httpAnswer(200, '{}'))
      else socket.write('HTTP/1.1 200 OK\r\n', () => socket.resetAndDestroy())
    })
    const { run } = openTransport()
    await run(requestTo(wall.origin))
    const second = await run(requestTo(wall.origin))
    expect(second.failure?.phase).toBe('request')
    expect(second.failure?.isStaleConnection).toBeUndefined()
  })

  test('fault 53: an answer nobody asked for is never given to the next request', async () => {
    await using wall = await openWall(({ socket, number }) => {
      const own = httpAnswer(200, JSON.stringify({ number }))
      socket.write(number === 1 ? Buffer.concat([own, httpAnswer(200, '"foreign"')]) : own)
    })
    const { run } = openTransport()
    expect((await run(requestTo(wall.origin))).text).toBe('{"number":1}')
    for (let turn = 0; turn < 3; turn += 1)
      expect((await run(requestTo(wall.origin))).text).toMatch(/^\{"number":\d\}$/)
    expect(wall.sockets.length).toBeGreaterThan(1)
  })

  test('fault 53: nor to a request that waited for the connection', async () => {
    await using wall = await openWall(({ socket, number }) => {
      const own = httpAnswer(200, JSON.stringify({ number }))
      socket.write(number === 1 ? Buffer.concat([own, httpAnswer(200, '"foreign"')]) : own)
    })
    const { run } = openTransport({ connectionsMax: 1 })
    const texts = await Promise.all([1, 2, 3].map(async () => (await run(requestTo(wall.origin))).text))
    expect(texts).toEqual(['{"number":1}', '{"number":2}', '{"number":3}'])
  })

  test('an abort before the connection stands takes the attempt back', async () => {
    await using wall = await openRawWall((socket) => socket.resume())
    const { transport, start } = openTransport()
    const { watched, call } = start(requestTo(wall.origin.replace('http:', 'https:')))
    await until(() => wall.sockets.length === 1)
    call.abort()
    await until(() => wall.sockets[0]?.readableEnded === true || wall.sockets[0]?.destroyed === true)
    expect(watched.events).toEqual([])
    await transport.close()
  })

  test('fault 141: a full pool queues, in order, within the connect limit', async () => {
    const held: (() => void)[] = []
    await using wall = await openWall(({ socket, number }) => {
      const answer = () => socket.write(httpAnswer(200, String(number)))
      if (number === 1) held.push(answer)
      else answer()
    })
    const { start } = openTransport({ connectionsMax: 1 })
    const first = start(requestTo(wall.origin))
    const late = start(requestTo(wall.origin, { connectMs: 30 }))
    const second = start(requestTo(wall.origin))
    const aborted = start(requestTo(wall.origin))
    const third = start(requestTo(wall.origin))
    aborted.call.abort()
    await late.watched.done.promise
    expect(late.watched.failure).toMatchObject({ phase: 'connect', code: NO_CONNECTION_FREE })
    for (const answer of held) answer()
    await Promise.all([first, second, third].map(({ watched }) => watched.done.promise))
    expect([first, second, third].map(({ watched }) => watched.text)).toEqual(['1', '2', '3'])
    expect(aborted.watched.events).toEqual([])
    expect(wall.sockets).toHaveLength(1)
  })

  test('fault 141: the queue itself is bounded', async () => {
    await using wall = await openWall(() => undefined)
    const { start } = openTransport({ connectionsMax: 1, waitingMax: 1 })
    const calls = [1, 2, 3].map(() => start(requestTo(wall.origin)))
    expect(calls[2]?.watched.failure).toMatchObject({ phase: 'connect', code: NO_CONNECTION_FREE })
    for (const { call } of calls) call.abort()
  })

  test('a connection that fails makes room for who waits', async () => {
    await using wall = await openWall(({ socket, number }) => {
      if (number === 1) socket.resetAndDestroy()
      else socket.write(httpAnswer(200, '{}'))
    })
    const { start } = openTransport({ connectionsMax: 1 })
    const first = start(requestTo(wall.origin))
    const second = start(requestTo(wall.origin))
    await Promise.all([first.watched.done.promise, second.watched.done.promise])
    expect(first.watched.failure?.phase).toBe('request')
    expect(second.watched.status).toBe(200)
    // It says when its own connecting began.
    expect(first.watched.events).toEqual(['send', 'failure'])
    expect(second.watched.events).toEqual(['place', 'send', 'headers', 'end'])
  })

  test('closing lets running calls end and takes no new ones', async () => {
    const held: (() => void)[] = []
    await using wall = await openWall(({ socket }) => {
      held.push(() => socket.write(httpAnswer(200, '{}')))
    })
    const { transport, start, run } = openTransport()
    const running = start(requestTo(wall.origin))
    await until(() => held.length === 1)
    let isClosed = false
    const closing = transport.close().then(() => {
      isClosed = true
    })
    expect((await run(requestTo(wall.origin))).failure?.code).toBe(TRANSPORT_CLOSED)
    expect(isClosed).toBe(false)
    held[0]?.()
    await running.watched.done.promise
    await closing
    expect(running.watched.status).toBe(200)
  })
})
