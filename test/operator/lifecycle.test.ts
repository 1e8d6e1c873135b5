import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { startGateway } from '../../src/app/lifecycle.ts'
import { startSimulator } from '../../src/simulator/server.ts'
import type { Transport } from '../../src/std/transport.ts'
import type { NoticeRecord } from '../../src/telemetry/records.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { createUndiciTransport } from '../../src/upstream/undici-transport.ts'
import { startTestGateway } from '../support/gateway.ts'

async function listening(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer()
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server on TCP has an address with a port.
  return { server, port: (server.address() as { port: number }).port }
}

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

test('a start that fails leaves nothing open: no socket, no timer, no listener', async () => {
  const { port } = await listening()
  const sockets = createUndiciTransport()
  let closes = 0
  const transport: Transport = {
    send: (request, handler) => sockets.send(request, handler),
    close: () => {
      closes += 1
      return sockets.close()
    },
  }
  const telemetry = createTelemetry()
  const before = timers()
  const start = startGateway({
    env: {},
    listen: `127.0.0.1:${port}`,
    logLevel: 'silent',
    findsLocalServers: false,
    transport,
    telemetry,
  })
  await expect(start).rejects.toMatchObject({ name: 'StartError', reason: 'address' })
  expect(closes).toBe(1)
  expect(timers()).toBeLessThanOrEqual(before + 1)
  // A subscriber that is still there would trip over this record, and be counted.
  telemetry.notices.publish(null as unknown as NoticeRecord)
  expect(telemetry.notices.subscriberFaults).toBe(0)
})

test('after the stop a changed file, a reload and a late list of models change nothing', async () => {
  const gateway = await startTestGateway({ config: { discover: false } })
  const { running } = gateway
  await running.stop(0)
  const before = gateway.notices.length
  gateway.writeConfig('not: [valid')
  expect(await running.reload()).toEqual([])
  await running.stop(0)
  expect(gateway.notices.length).toBe(before)
  await gateway[Symbol.asyncDispose]()
})

test('a stop in the middle of a reload is a stop; reloads asked for together end with the file as it is', async () => {
  await using gateway = await startTestGateway({ config: { discover: false } })
  const { running } = gateway
  const provider = { dialect: 'openai-chat', baseUrl: 'http://127.0.0.1:1/v1', models: ['m'] }
  const reloads = []
  for (let turn = 0; turn < 50; turn += 1) {
    gateway.writeConfig({ discover: false, providers: { [`p${turn}`]: provider } })
    reloads.push(running.reload())
  }
  await Promise.all(reloads)
  expect(running.config.providers.map((one) => one.provider.id)).toEqual(['p49'])
  gateway.writeConfig({ discover: false, providers: { late: provider } })
  const reload = running.reload()
  const stop = running.stop(0)
  expect(await reload).toEqual([])
  await stop
  expect(running.config.providers.map((one) => one.provider.id)).toEqual(['p49'])
})

test('a hundred reloads leave nothing behind', async () => {
  await using gateway = await startTestGateway({ config: { discover: false } })
  const provider = { dialect: 'openai-chat', baseUrl: 'http://127.0.0.1:1/v1' }
  const reload = async (turn: number) => {
    gateway.writeConfig({ discover: false, providers: { [`p${turn % 2}`]: provider } })
    await gateway.running.reload()
  }
  await reload(0)
  await expect.poll(timers).toBeLessThan(20)
  const before = timers()
  for (let turn = 1; turn <= 100; turn += 1) await reload(turn)
  await expect.poll(timers).toBeLessThanOrEqual(before + 2)
})

test('a provider that never lists its models holds up neither the start nor the stop', async () => {
  const { port, server } = await listening()
  const silent = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => silent.add(socket))
  const beganAtMs = performance.now()
  const gateway = await startTestGateway({
    config: {
      discover: false,
      providers: { silent: { dialect: 'openai-chat', baseUrl: `http://127.0.0.1:${port}/v1` } },
    },
  })
  await expect.poll(() => silent.size).toBe(1)
  await gateway.running.stop()
  expect(performance.now() - beganAtMs).toBeLessThan(2_000)
  for (const socket of silent) socket.destroy()
  await gateway[Symbol.asyncDispose]()
})

test('a credential that was refused is tried again after a reload', async () => {
  const simulator = await startSimulator({ credential: 'the-new-key-0123456789' })
  onTestFinished(() => simulator.close())
  const config = {
    discover: false,
    providers: {
      it: { dialect: 'openai-chat', baseUrl: `${simulator.origin}/v1`, credential: '${KEY}', models: ['m'] },
    },
  }
  await using gateway = await startTestGateway({ config, env: { KEY: 'the-old-key-0123456789' } })
  const ask = () =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'it/m', messages: [{ role: 'user', content: 'Hi' }] }),
    }).then(async (answer) => (await answer.text(), answer.status))
  expect(await ask()).toBe(502)
  expect(await ask()).toBe(502)
  expect(simulator.calls.filter(({ method }) => method === 'POST')).toHaveLength(1)
  await gateway.running.reload()
  expect(await ask()).toBe(502)
  expect(simulator.calls.filter(({ method }) => method === 'POST')).toHaveLength(2)
  gateway.writeConfig({
    ...config,
    providers: { it: { ...config.providers.it, credential: 'the-new-key-0123456789' } },
  })
  await gateway.running.reload()
  expect(await ask()).toBe(200)
})

test('models that a provider lists late are found by their bare names', async () => {
  const simulator = await startSimulator()
  onTestFinished(() => simulator.close())
  const provider = (name: string) => ({
    [name]: { dialect: 'openai-chat', baseUrl: `${simulator.origin}/v1` },
  })
  await using gateway = await startTestGateway({
    config: { discover: false, providers: { ...provider('one'), ...provider('two') } },
  })
  const listed = async () => {
    const list = await (await fetch(`${gateway.url}/v1/models`)).text()
    return list.match(/"id":"two\//g)?.length ?? 0
  }
  await expect.poll(listed).toBeGreaterThan(0)
  await gateway.running.reload()
  // Known lists stay in force while they are asked for anew.
  expect(await listed()).toBeGreaterThan(0)
})
