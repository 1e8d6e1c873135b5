import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type ProcessOptions,
  runToEnd,
  simulated,
  startProcess,
  startSimulated,
} from '../support/gateway-process.ts'
import { openRawClient, type RawClient } from '../support/raw-client.ts'

/** Runs a piece of code in the process before anything else. */
function preloading(code: string): Pick<ProcessOptions, 'nodeArguments' | 'prepare'> {
  return {
    nodeArguments: ['--import', './preload.mjs'],
    prepare: (folder) => writeFileSync(join(folder, 'preload.mjs'), code),
  }
}

function ask(url: string): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator/mock', messages: [{ role: 'user', content: 'Hi' }] }),
  })
}

describe('the start', () => {
  test('listens within three seconds, and says so', async () => {
    const times: number[] = []
    for (let turn = 0; turn < 3; turn += 1) {
      await using gateway = await startProcess({ config: simulated })
      times.push(Math.round(gateway.startMs))
    }
    console.log(`from the start to listening: ${times.join(', ')} ms`)
    expect(Math.min(...times)).toBeLessThan(3_000)
  })

  test('with nothing configured answers what its own curl line asks', async () => {
    await using gateway = await startProcess({ words: ['--json', '--listen', '127.0.0.1:0'] })
    expect(gateway.lines[0]).toMatchObject({ type: 'listening', exampleModel: expect.any(String) })
    const answer = await ask(gateway.url)
    expect(answer.status).toBe(200)
  })

  test('on an address in use ends with 3 and one line that says what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    // A server on TCP has an address with a port.
    const { port } = server.address() as { port: number }
    const { code, stdout, stderr } = await runToEnd({
      config: simulated,
      words: ['--listen', `127.0.0.1:${port}`],
    })
    expect(code).toBe(3)
    expect(stdout).toBe('')
    expect(stderr).toBe(
      `127.0.0.1:${port} is in use. Stop what listens there, or choose another address: holdfast start --listen 127.0.0.1:4242\n`,
    )
  })

  test('beyond loopback without client keys is refused with 2, in the file and on the command line', async () => {
    const inFile = await runToEnd({ config: { ...simulated, listen: '0.0.0.0:4141' } })
    expect(inFile.code).toBe(2)
    expect(inFile.stderr).toMatch(/holdfast\.yaml:\d+:\d+: listen: .*reaches beyond this machine/)
    const onLine = await runToEnd({ config: simulated, words: ['--listen', '[::]:4141'] })
    expect(onLine.code).toBe(2)
    expect(onLine.stderr).toContain('--listen: "[::]:4141" reaches beyond this machine')
  })

  test('where certificate checks are switched off is refused with 4 (SEC-8)', async () => {
    const { code, stderr } = await runToEnd({
      config: simulated,
      env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    })
    expect(code).toBe(4)
    expect(stderr).toContain('NODE_TLS_REJECT_UNAUTHORIZED')
  })

  test('on a Node that is too old ends with 4 and says what to do, before anything is loaded', async () => {
    const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '24.14.1' } })`
    const { code, stdout, stderr } = await runToEnd({
      config: simulated,
      ...preloading(older),
    })
    expect(code).toBe(4)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^Holdfast needs Node 24\.15 or newer; this is Node 24\.14\.1\.\nInstall/)
  })

  test('obeys a signal that comes while it starts', async () => {
    // Raised as soon as the signal has a listener: before the gateway listens.
    const early = `const on = process.on.bind(process); process.on = (name, ...rest) => { on(name, ...rest); if (name === 'SIGHUP') { process.on = on; process.kill(process.pid, 'SIGTERM') } return process }`
    const { code, stdout } = await runToEnd({
      config: simulated,
      words: ['--json', '--listen', '127.0.0.1:0'],
      ...preloading(early),
    })
    expect(code).toBe(0)
    expect(stdout).toContain('gateway_stopping')
  })
})

describe('fault 136: what nobody catches', () => {
  const planted = `
    process.on('SIGUSR2', () => {
      Promise.reject(new TypeError('canary-of-a-prompt'))
      setTimeout(() => { throw new RangeError('canary-of-a-prompt') })
    })`

  test('is logged as a defect, and ends neither the process nor any request', async () => {
    const gateway = await startSimulated({
      ...preloading(planted),
    })
    for (let turn = 0; turn < 3; turn += 1) {
      const answers = Array.from({ length: 10 }, () => ask(gateway.url))
      gateway.kill('SIGUSR2')
      for (const answer of await Promise.all(answers)) {
        expect(answer.status).toBe(200)
        expect(await answer.json()).toHaveProperty('choices')
      }
    }
    await expect.poll(() => gateway.linesLike({ notice: 'process_defect' }).length).toBeGreaterThanOrEqual(2)
    expect(gateway.linesLike({ notice: 'process_defect' })[0]).toMatchObject({
      level: 'error',
      facts: { event: 'unhandledRejection', kind: 'TypeError' },
    })
    expect(gateway.printed()).not.toContain('canary-of-a-prompt')
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    expect(metrics).toMatch(/notice="process_defect"[^\n]*\} [1-9]/)
    gateway.kill('SIGTERM')
    expect((await gateway.exited).code).toBe(0)
  })
})

describe.skipIf(process.platform === 'win32')('fault 139: sixty-four descriptors', () => {
  test('are too few for what comes; accepting backs off, is said, and recovers', async () => {
    const gateway = await startSimulated({ descriptors: 64 })
    const clients: RawClient[] = []
    for (let opened = 0; opened < 120; opened += 1) clients.push(await openRawClient(gateway.port))
    await gateway.line({ notice: 'accept_failed' })
    // Those that got in are served.
    clients[0]?.send('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(await clients[0]?.until('alive')).toMatch(/^HTTP\/1\.1 200 /)
    for (const client of clients) client.socket.destroy()
    const status = () =>
      ask(gateway.url).then(
        (answer) => answer.status,
        () => 0,
      )
    await expect.poll(status).toBe(200)
    expect(gateway.child.exitCode).toBeNull()
    gateway.kill('SIGTERM')
    expect((await gateway.exited).code).toBe(0)
  })
})

test('fault 104: one address has as many connections as the file says, and no more', async () => {
  const gateway = await startSimulated({ config: { ...simulated, limits: { connectionsPerAddress: 2 } } })
  const held = [await openRawClient(gateway.port), await openRawClient(gateway.port)]
  const extra = await openRawClient(gateway.port)
  await extra.closed()
  expect(await gateway.line({ notice: 'address_full' })).toMatchObject({ facts: { address: '127.0.0.1' } })
  held[0]?.send('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
  expect(await held[0]?.until('alive')).toMatch(/^HTTP\/1\.1 200 /)
  for (const { socket } of held) socket.destroy()
})

describe('fault 140: standard output', () => {
  test('closed by its reader: traffic goes on, the lines are counted, and the end is in order', async () => {
    const gateway = await startSimulated()
    gateway.child.stdout.destroy()
    for (let turn = 0; turn < 50; turn += 1) {
      const answer = await ask(gateway.url)
      expect(answer.status).toBe(200)
      await answer.arrayBuffer()
    }
    const dropped = async () => {
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
      return Number(
        /^holdfast_log_[a-z_]*dropped[a-z_]*(?:\{[^}]*\})? (\d+)/m.exec(metrics)?.[1] ?? Number.NaN,
      )
    }
    await expect.poll(dropped, { timeout: 5_000 }).toBeGreaterThan(0)
    expect(gateway.child.exitCode).toBeNull()
    gateway.kill('SIGTERM')
    expect((await gateway.exited).code).toBe(0)
  })

  test('blocked by a reader that reads nothing: traffic goes on, and the end is in order', async () => {
    const gateway = await startSimulated()
    gateway.child.stdout.pause()
    gateway.child.stdout.removeAllListeners('data')
    const beganAtMs = performance.now()
    for (let turn = 0; turn < 8; turn += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => ask(gateway.url)))
      for (const answer of answers) {
        expect(answer.status).toBe(200)
        await answer.arrayBuffer()
      }
    }
    expect(performance.now() - beganAtMs).toBeLessThan(10_000)
    gateway.kill('SIGTERM')
    const ended = once(gateway.child, 'exit')
    expect(await ended).toEqual([0, null])
    gateway.child.stdout.resume()
  })
})
