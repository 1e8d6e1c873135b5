import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../support/tcp-fault-proxy.ts'

interface Stage {
  readonly proxy: FaultProxy
  /** Connections as the server has them. */
  readonly taken: Socket[]
  dial(): Promise<Caller>
}

interface Caller {
  readonly socket: Socket
  readonly closed: Promise<void>
  received(): string
  /** Resolves once so many bytes have arrived. */
  has(bytes: number): Promise<void>
  /** What ended it, where something did. */
  error(): string | undefined
}

/** A server that says everything twice. */
async function stage(): Promise<Stage> {
  const taken: Socket[] = []
  const server = createServer((socket) => {
    taken.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => void socket.write(Buffer.concat([bytes, bytes])))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const proxy = await startFaultProxy({ host: '127.0.0.1', port })
  onTestFinished(async () => {
    await proxy[Symbol.asyncDispose]()
    for (const socket of taken) socket.destroy()
    server.close()
  })
  return { proxy, taken, dial: () => dial(proxy.port) }
}

async function dial(port: number): Promise<Caller> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let received = ''
  let error: string | undefined
  socket.on('data', (bytes: Buffer) => void (received += bytes.toString()))
  socket.on('error', (thrown: NodeJS.ErrnoException) => void (error = thrown.code))
  const closed = closing(socket)
  await once(socket, 'connect')
  const has = (bytes: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (received.length < bytes) return
        socket.off('data', look)
        resolve()
      }
      socket.on('data', look)
      look()
    })
  return { socket, closed, received: () => received, has, error: () => error }
}

/** `once` of node:events would reject where it ends by an error. */
function closing(socket: Socket | undefined): Promise<void> {
  return new Promise((resolve) => void socket?.once('close', () => resolve()))
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

describe('a TCP fault proxy', () => {
  test('passes everything both ways where no fault is set', async () => {
    const { dial, proxy } = await stage()
    const caller = await dial()
    caller.socket.write('x'.repeat(200_000))
    await caller.has(400_000)
    expect(proxy.connections).toBe(1)
    caller.socket.end()
    await caller.closed
    expect(caller.error()).toBeUndefined()
  })

  test('down: resets what is open, refuses what is new, and is up again on the same port', async () => {
    const { dial, proxy } = await stage()
    const caller = await dial()
    caller.socket.write('a')
    await caller.has(2)
    await proxy.set({ type: 'down' })
    await caller.closed
    expect(caller.error()).toBe('ECONNRESET')
    await expect(dial()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await proxy.set()
    const again = await dial()
    again.socket.write('b')
    await again.has(2)
  })

  test('hang: takes connections and passes no byte, then passes all that was held', async () => {
    const { dial, proxy } = await stage()
    await proxy.set({ type: 'hang' })
    const caller = await dial()
    caller.socket.write('abc')
    await pause(100)
    expect(caller.received()).toBe('')
    await proxy.set()
    await caller.has(6)
    expect(caller.received()).toBe('abcabc')
  })

  test('latency: delays each direction by its own time, and keeps the order', async () => {
    const { dial, proxy } = await stage()
    await proxy.set({ type: 'latency', upMs: 60, downMs: 90 })
    const caller = await dial()
    const startMs = performance.now()
    caller.socket.write('a')
    caller.socket.write('b')
    await caller.has(4)
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(150)
    expect(caller.received().split('').sort().join('')).toBe('aabb')
  })

  test('bandwidth: lets no more bytes pass than it says', async () => {
    const { dial, proxy } = await stage()
    await proxy.set({ type: 'bandwidth', bytesPerSecond: 100_000 })
    const caller = await dial()
    const startMs = performance.now()
    caller.socket.write('x'.repeat(10_000))
    await caller.has(20_000)
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(150)
  })

  test.each(['up', 'down'] as const)('cut %s: ends after exactly so many bytes', async (direction) => {
    const { dial, proxy } = await stage()
    await proxy.set({ type: 'cut', direction, afterBytes: 5 })
    const caller = await dial()
    caller.socket.write('x'.repeat(100))
    await caller.closed
    expect(caller.error()).toBeUndefined()
    if (direction === 'down') expect(caller.received().length).toBe(5)
    else expect(caller.received().length).toBeLessThanOrEqual(10)
  })

  test('reset: a cut after no bytes at all, felt by the client as a reset', async () => {
    const { dial, proxy } = await stage()
    await proxy.set({ type: 'cut', direction: 'up', afterBytes: 0, how: 'reset' })
    const caller = await dial()
    caller.socket.write('x')
    await caller.closed
    expect(caller.error()).toBe('ECONNRESET')
    expect(caller.received()).toBe('')
  })

  test('resetAll: resets what is open and takes what is new', async () => {
    const { dial, proxy } = await stage()
    const caller = await dial()
    caller.socket.write('a')
    await caller.has(2)
    proxy.resetAll()
    await caller.closed
    expect(caller.error()).toBe('ECONNRESET')
    const again = await dial()
    again.socket.write('b')
    await again.has(2)
  })

  test('half-open, server closed: the server is gone and the client is not told', async () => {
    const { dial, proxy, taken } = await stage()
    const caller = await dial()
    caller.socket.write('a')
    await caller.has(2)
    const gone = closing(taken[0])
    await proxy.set({ type: 'half-open', closed: 'server' })
    await gone
    caller.socket.write('b')
    await pause(100)
    expect(caller.socket.destroyed).toBe(false)
    expect(caller.received()).toBe('aa')
  })

  test('half-open, client closed: the client is gone and the server is not told', async () => {
    const { dial, proxy, taken } = await stage()
    const caller = await dial()
    caller.socket.write('a')
    await caller.has(2)
    await proxy.set({ type: 'half-open', closed: 'client' })
    await caller.closed
    await pause(100)
    expect(taken[0]?.destroyed).toBe(false)
  })
})
