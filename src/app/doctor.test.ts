import { createServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { startSimulator, type SimulatorServer } from '../simulator/server.ts'
import { createScenario, type ScenarioInput } from '../simulator/scenario.ts'
import { Secret } from '../std/secret.ts'
import { BLOCKED_ADDRESS, TransportError } from '../upstream/transport-codes.ts'
import { loadConfig } from './config/load-config.ts'
import type { HoldfastConfig } from './config/config.ts'
import { runDoctor, type DoctorInstruments } from './doctor.ts'
import { type CheckResult, type DoctorReport } from './doctor/check.ts'
import { chooseModel } from './doctor/choose-model.ts'
import { openInstruments } from './doctor/instruments.ts'
import { checkMachine } from './doctor/machine-checks.ts'

const key = 'sk-live-0123456789abcdef'
const opened: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

async function simulator(scenario: ScenarioInput = {}, credential?: string): Promise<SimulatorServer> {
  const server = await startSimulator({
    scenario: createScenario(scenario),
    ...(credential && { credential }),
  })
  opened.push(server)
  return server
}

function configOf(text: string): HoldfastConfig {
  const loaded = loadConfig({ text: `discover: false\nlisten: 127.0.0.1:0\n${text}`, env: {} })
  if (!loaded.ok) throw new Error(loaded.faults.map((fault) => fault.message).join('\n'))
  return loaded.config
}

async function examine(
  text: string,
  over: Partial<DoctorInstruments> = {},
  timeoutMs = 5_000,
): Promise<DoctorReport> {
  const config = configOf(text)
  const instruments = openInstruments({ env: {}, secrets: config.secrets })
  opened.push(instruments)
  return runDoctor({ config, instruments: { ...instruments, ...over }, directory: '/', timeoutMs })
}

function provider({ origin }: { readonly origin: string }, more = '', dialect = 'openai-chat'): string {
  return `providers: { it: { dialect: ${dialect}, baseUrl: "${origin}/v1", credential: ${key}${more} } }`
}

const of = ({ checks }: DoctorReport, check: string): CheckResult | undefined =>
  checks.find((one) => one.check === check && one.subject === 'it')
const statuses = ({ checks }: DoctorReport) =>
  Object.fromEntries(checks.filter((one) => one.subject === 'it').map((one) => [one.check, one.status]))

describe.each(['openai-chat', 'anthropic-messages'])(
  'a provider in good health that speaks %s',
  (dialect) => {
    test('passes every check, a completion and a streamed tool call among them', async () => {
      const server = await simulator({}, key)
      const report = await examine(provider(server, ', models: [tools]', dialect))
      expect(statuses(report)).toEqual({
        dns: 'ok',
        connection: 'ok',
        key: 'ok',
        completion: 'ok',
        clock: 'ok',
        'tool-call': 'ok',
      })
      expect(report.isHealthy).toBe(true)
    })
  },
)

describe('what is wrong is found, and what to do is said', () => {
  test('nothing listens', async () => {
    const report = await examine(
      'providers: { it: { dialect: openai-chat, baseUrl: "http://127.0.0.1:1/v1" } }',
    )
    expect(statuses(report)).toEqual({ dns: 'ok', connection: 'fail' })
    expect(of(report, 'connection')).toMatchObject({
      message: expect.stringContaining('ECONNREFUSED'),
      nextStep: expect.stringContaining('Start it'),
    })
    expect(report.isHealthy).toBe(false)
  })

  test('a name without an address', async () => {
    const text =
      'providers: { it: { dialect: openai-chat, baseUrl: "https://nowhere.invalid/v1", credential: x12345678 } }'
    const resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
    const report = await examine(text, { resolve })
    expect(of(report, 'dns')).toMatchObject({
      status: 'fail',
      message: 'nowhere.invalid has no address (ENOTFOUND)',
    })
    expect(of(report, 'connection')).toBeUndefined()
  })

  test('a wrong key, shown by nothing but its fingerprint (SEC-22)', async () => {
    const server = await simulator({}, 'another-key-0123456789')
    const report = await examine(provider(server))
    expect(of(report, 'key')).toMatchObject({ status: 'fail', nextStep: 'Correct providers.it.credential.' })
    expect(JSON.stringify(report)).not.toContain(key)
  })

  test('a provider that echoes the key in its error', async () => {
    const server = await simulator({ faults: [{ fault: 'error-echo', operation: 'any' }] })
    const report = await examine(provider(server, ', models: [mock]'))
    expect(report.isHealthy).toBe(false)
    expect(JSON.stringify(report)).not.toContain(key)
  })

  test('no quota', async () => {
    const server = await simulator({ faults: [{ fault: 'insufficient-quota' }] })
    const report = await examine(provider(server, ', models: [mock]'))
    expect(of(report, 'completion')).toMatchObject({
      status: 'fail',
      nextStep: expect.stringContaining('credit'),
    })
    expect(of(report, 'tool-call')).toBeUndefined()
  })

  test('a stream that breaks off', async () => {
    const server = await simulator({ faults: [{ fault: 'cut-tool-arguments' }] })
    const report = await examine(provider(server, ', models: [tools]'))
    expect(of(report, 'completion')?.status).toBe('ok')
    expect(of(report, 'tool-call')?.status).toBe('fail')
  })

  test('a model that calls no tools', async () => {
    const server = await simulator()
    const report = await examine(provider(server, ', models: [lorem]'))
    expect(of(report, 'tool-call')).toMatchObject({
      status: 'warn',
      message: 'lorem answered without calling the tool',
    })
    expect(report.isHealthy).toBe(true)
  })

  test('a provider without a model list is tried by a completion', async () => {
    const server = await simulator({ faults: [{ fault: 'status-404', operation: 'models' }] })
    const report = await examine(provider(server, ', models: [tools]'))
    expect(of(report, 'key')?.status).toBe('skip')
    expect(of(report, 'completion')?.status).toBe('ok')
  })

  test('a provider that never answers is left after the limit', async () => {
    const server = await simulator({ faults: [{ fault: 'silent', operation: 'any' }] })
    const report = await examine(provider(server), {}, 100)
    expect(of(report, 'key')).toMatchObject({ status: 'fail' })
    expect(of(report, 'key')?.durationMs).toBeLessThan(2_000)
  })

  test('TLS spoken to a port that does not speak it', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume()
      socket.end('no TLS here')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    opened.push({ close: () => new Promise((resolve) => server.close(() => resolve())) })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const report = await examine(
      `providers: { it: { dialect: openai-chat, baseUrl: "https://127.0.0.1:${port}/v1" } }`,
    )
    expect(of(report, 'connection')?.status).toBe('fail')
  })

  test('SEC-2: a built-in name that leads inside', async () => {
    const report = await examine(`providers: { openai: { credential: ${key}, models: [m] } }`, {
      resolve: () => Promise.reject(new TransportError(BLOCKED_ADDRESS, 'api.openai.com is public')),
    })
    expect(report.checks.find((one) => one.subject === 'openai' && one.status === 'fail')).toMatchObject({
      check: 'dns',
      message: expect.stringContaining('api.openai.com leads to an address that is never called'),
      nextStep: expect.stringContaining('providers.openai.baseUrl'),
    })
  })

  test('a certificate that ends soon, and a clock that is off', async () => {
    const server = await simulator()
    const instruments = openInstruments({ env: {}, secrets: [] })
    opened.push(instruments)
    const nowMs = instruments.clock.wallMs()
    const clock = { ...instruments.clock, wallMs: () => nowMs + 3_600_000 }
    const report = await examine(provider(server, ', models: [tools]'), {
      clock,
      knock: async () => ({ certificateEndsAtMs: nowMs + 24 * 3_600_000 }),
    })
    expect(of(report, 'connection')).toMatchObject({
      status: 'warn',
      nextStep: 'Renew it, or ask the provider to.',
    })
    expect(of(report, 'clock')).toMatchObject({ status: 'warn', nextStep: 'Set the clock: enable NTP.' })
  })
})

test('one slow provider does not hold up the others, and each is told of as it is done', async () => {
  const slow = await simulator({ faults: [{ fault: 'silent', operation: 'any' }] })
  const fast = await simulator()
  const config = configOf(`providers:
  slow: { dialect: openai-chat, baseUrl: "${slow.origin}/v1" }
  fast: { dialect: openai-chat, baseUrl: "${fast.origin}/v1", models: [mock] }`)
  const instruments = openInstruments({ env: {}, secrets: [] })
  opened.push(instruments)
  const told: string[] = []
  await runDoctor({
    config,
    instruments,
    directory: '/',
    timeoutMs: 1_000,
    onChecks: (checks) => told.push(checks[0]?.subject ?? ''),
  })
  expect(told.indexOf('fast')).toBeLessThan(told.indexOf('slow'))
})

describe('this machine', () => {
  async function machine(over: Partial<DoctorInstruments>, config = configOf('routes: {}')) {
    const instruments = openInstruments({ env: {}, secrets: [] })
    opened.push(instruments)
    const checks = await checkMachine({ instruments: { ...instruments, ...over }, config, directory: '/' })
    return Object.fromEntries(checks.map((one) => [one.check, one]))
  }

  test('a port in use may be a Holdfast that runs already', async () => {
    expect((await machine({ tryListening: async () => ({ code: 'EADDRINUSE' }) }))['port']?.status).toBe(
      'warn',
    )
    expect((await machine({ tryListening: async () => ({ code: 'EACCES' }) }))['port']?.status).toBe('fail')
    expect((await machine({}))['port']?.status).toBe('ok')
  })

  test('a full disk, few descriptors and unchecked certificates are said', async () => {
    const found = await machine({
      env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
      inspectDirectory: async () => ({ isWritable: true, freeBytes: 1_000_000 }),
      descriptorLimit: async () => 256,
    })
    expect(found['disk']).toMatchObject({ status: 'warn', message: 'only 0 MiB are free at /' })
    expect(found['descriptors']).toMatchObject({
      status: 'warn',
      nextStep: 'Raise the limit: ulimit -n 65536.',
    })
    expect(found['tls']?.status).toBe('fail')
    expect(found['providers']?.status).toBe('warn')
  })
})

test('fault 143: a certificate of its own that ends within 30 days is said, and one that has ended fails', async () => {
  const config = configOf('routes: {}')
  const endsIn = async (days: number) => {
    const tls = {
      pair: { chain: '', key: new Secret('key') },
      certPath: '/c/chain.pem',
      keyPath: '/c/key.pem',
      fingerprint: '',
      names: [],
      endsAtMs: Date.now() + days * 86_400_000,
    }
    const instruments = openInstruments({ env: {}, secrets: [] })
    opened.push(instruments)
    const checks = await checkMachine({ instruments, config: { ...config, tls }, directory: '/' })
    return checks.find(({ check }) => check === 'certificate')
  }
  expect((await endsIn(31))?.status).toBe('ok')
  expect(await endsIn(29)).toMatchObject({
    status: 'warn',
    nextStep: expect.stringContaining('/c/chain.pem'),
  })
  expect((await endsIn(-1))?.status).toBe('fail')
})

describe('the model that is tried', () => {
  const [it] = configOf('providers: { it: { dialect: openai-chat, baseUrl: "http://x/v1" } }').providers

  test('is one that a route names, else one that is configured, else a small chatting one of the list', () => {
    if (!it) throw new Error('no provider')
    const route = { name: 'r', targets: ['other/a', 'it/routed'], deadlineMs: 1, retries: 0, isStrict: false }
    expect(chooseModel({ ...it, models: ['named'] }, [route], ['listed'])).toBe('routed')
    expect(chooseModel({ ...it, models: ['named'] }, [], ['listed'])).toBe('named')
    expect(chooseModel(it, [], ['text-embedding-3-small', 'gpt-5', 'gpt-5-mini'])).toBe('gpt-5-mini')
    expect(chooseModel(it, [], ['whisper-1', 'big'])).toBe('big')
    expect(chooseModel(it, [], ['whisper-1'])).toBeUndefined()
  })
})
