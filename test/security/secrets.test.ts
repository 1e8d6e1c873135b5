import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { adminAccess } from '../../src/http/admin/access.ts'
import { faults } from '../../src/simulator/faults.ts'
import { type SimulatorServer, startSimulator } from '../../src/simulator/server.ts'
import { canary, leaksIn as leaksOf, type Output } from '../support/canaries.ts'
import { ECHO_PLACES, type EchoingUpstream, startEchoingUpstream } from '../support/echoing-upstream.ts'
import { type GatewayProcess, runToEnd, startProcess } from '../support/gateway-process.ts'
import { openLedger } from '../support/money-stage.ts'

const CANARIES = {
  literal: canary('literal'),
  environment: canary('environment'),
  header: canary('header'),
  template: canary('template'),
  file: canary('file'),
  clientKey: canary('clientkey'),
  otherClientKey: canary('otherclientkey'),
  /** In the environment, and nobody's business. */
  bystander: canary('bystander'),
  /** Presented by a client, and no key of ours. */
  stranger: canary('stranger'),
} as const

const ENV = {
  PROVIDER_KEY: CANARIES.environment,
  HEADER_SECRET: CANARIES.header,
  TEMPLATE_SECRET: CANARIES.template,
  CLIENT_KEY: CANARIES.clientKey,
  OPENAI_API_KEY: CANARIES.bystander,
}

const outputs: Output[] = []

const leaksIn = (output: Output) => leaksOf(CANARIES, output)

let echoing: EchoingUpstream
let simulator: SimulatorServer

beforeAll(async () => {
  echoing = await startEchoingUpstream()
  simulator = await startSimulator()
})

afterAll(async () => {
  await echoing[Symbol.asyncDispose]()
  await simulator.close()
})

function configOf(format: 'json' | 'pretty'): object {
  const impatient = { connect: '500ms', firstToken: '500ms', idle: '500ms' }
  const headers = { 'x-extra': '${HEADER_SECRET}', 'x-account': 'Account ${TEMPLATE_SECRET}' }
  const provider = (origin: string, dialect: string, credential: string) => ({
    dialect,
    baseUrl: `${origin}/v1`,
    credential,
    headers,
    timeouts: impatient,
  })
  return {
    keys: [
      { name: 'one', key: '${CLIENT_KEY}' },
      { name: 'two', key: CANARIES.otherClientKey },
    ],
    discover: false,
    log: { level: 'debug', format },
    limits: { responseBytes: '2MiB' },
    providers: {
      echochat: provider(echoing.origin, 'openai-chat', CANARIES.literal),
      echomessages: provider(echoing.origin, 'anthropic-messages', '${PROVIDER_KEY}'),
      simchat: provider(simulator.origin, 'openai-chat', 'file:provider.key'),
      simmessages: provider(simulator.origin, 'anthropic-messages', 'file:provider.key'),
    },
    routes: { both: { targets: ['echochat/error-message', 'echomessages/error-message'], retries: 0 } },
  }
}

const prepare = (folder: string) => writeFileSync(join(folder, 'provider.key'), `${CANARIES.file}\n`)

async function ask(
  gateway: GatewayProcess,
  from: string,
  asking: { path: string; model: string; stream: boolean; key?: string },
) {
  const response = await fetch(gateway.url + asking.path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${asking.key ?? CANARIES.clientKey}`,
    },
    body: JSON.stringify({
      model: asking.model,
      stream: asking.stream,
      max_tokens: 64,
      messages: [{ role: 'user', content: 'Hi' }],
    }),
  }).catch((error: unknown) => error)
  if (!(response instanceof Response)) return
  outputs.push({
    from: `${from} ${asking.path} ${asking.model} stream=${asking.stream}`,
    // The counts of a good answer pass as they are, byte for byte: what stands in them is the provider's own answer.
    text: asking.model.endsWith('/usage')
      ? ''
      : `${response.statusText}\n${JSON.stringify([...response.headers])}\n${await response.text().catch(() => '')}`,
  })
}

const PATHS = ['/v1/chat/completions', '/v1/messages']

async function drive(gateway: GatewayProcess, from: string, faultNames: readonly string[]) {
  const echoed = PATHS.flatMap((path) =>
    ['echochat', 'echomessages'].flatMap((provider) =>
      ECHO_PLACES.flatMap((place) =>
        [true, false].map((stream) => ({ path, model: `${provider}/${place}`, stream })),
      ),
    ),
  )
  const struck = faultNames.flatMap((name, at) => [
    { path: PATHS[at % 2] ?? '', model: `simchat/mock!${name}`, stream: at % 3 !== 0 },
    { path: PATHS[(at + 1) % 2] ?? '', model: `simmessages/mock!${name}`, stream: at % 3 === 0 },
  ])
  const others = [
    { path: '/v1/chat/completions', model: 'both', stream: false },
    { path: '/v1/messages', model: 'both', stream: true },
    { path: '/v1/messages/count_tokens', model: 'echomessages/error-message', stream: false },
    { path: '/v1/chat/completions', model: 'nothing/there', stream: false },
    { path: '/v1/chat/completions', model: 'both', stream: false, key: CANARIES.stranger },
    { path: '/v1/nothing', model: 'both', stream: false, key: CANARIES.stranger },
    { path: '/v1/chat/completions', model: 'both', stream: false, key: `${CANARIES.clientKey} ` },
  ]
  const all = [...echoed, ...struck, ...others]
  const next = all.values()
  const client = async () => {
    for (const asking of next) await ask(gateway, from, asking)
  }
  await Promise.all(Array.from({ length: 24 }, client))
  for (const path of ['/metrics', '/v1/models', '/readyz', '/livez', '/']) {
    const response = await fetch(gateway.url + path, { headers: { 'x-api-key': CANARIES.otherClientKey } })
    outputs.push({
      from: `${from} GET ${path}`,
      text: JSON.stringify([...response.headers]) + (await response.text()),
    })
  }
}

describe('SEC-21: a secret planted in every slot', () => {
  test.each([
    ['json', [...faults.keys()]],
    ['pretty', ['error-echo', 'redirect', 'unauthorized', 'insufficient-quota']],
  ] as const)(
    'shows in no answer, header, metric or log line (%s, debug), whatever providers repeat',
    async (format, faultNames) => {
      await using gateway = await startProcess({ config: configOf(format), env: ENV, prepare })
      await drive(gateway, format, faultNames)
      gateway.kill('SIGHUP')
      await expect.poll(() => gateway.printed()).toContain('config_reloaded')
      gateway.kill('SIGTERM')
      expect((await gateway.exited).code).toBe(0)
      outputs.push({ from: `log, ${format}`, text: gateway.printed() })
      expect(outputs.filter(({ text }) => text.includes('[secret:')).length).toBeGreaterThan(0)
      expect(outputs.flatMap(leaksIn)).toEqual([])
    },
  )

  test.each([
    ['check', ['--json']],
    ['check', []],
    ['models', ['--json']],
    ['models', []],
    ['doctor', ['--json', '--timeout', '3']],
  ] as const)('shows in nothing that `%s` prints (%j)', async (command, words) => {
    const { stdout, stderr } = await runToEnd({ command, words, config: configOf('json'), env: ENV, prepare })
    expect(stdout.length + stderr.length).toBeGreaterThan(0)
    expect([
      ...leaksIn({ from: `${command} stdout`, text: stdout }),
      ...leaksIn({ from: `${command} stderr`, text: stderr }),
    ]).toEqual([])
  })

  const misplaced: readonly (readonly [string, string])[] = [
    ['a misspelt field', `providers: { openai: { credentail: ${CANARIES.literal} } }`],
    ['where a provider should stand', `providers: { openai: ${CANARIES.literal} }`],
    ['where the list of keys should stand', `keys: ${CANARIES.literal}`],
    ['as an entry of the keys', `keys: [${CANARIES.literal}]`],
    ['a list where one is wanted', `providers: { openai: { credential: [${CANARIES.literal}] } }`],
    ['twice', `providers: { openai: { credential: ${CANARIES.literal}, credential: ${CANARIES.literal} } }`],
    ['inside a reference', `providers: { openai: { credential: "\${${CANARIES.literal}}" } }`],
    ['behind os.environ', `providers: { openai: { credential: os.environ/${CANARIES.literal} } }`],
    ['under headers', `providers: { openai: { headers: ${CANARIES.literal} } }`],
    ['a header as a list', `providers: { openai: { headers: { x-key: [${CANARIES.literal}] } } }`],
    [
      'in the address',
      `providers: { mine: { dialect: openai-chat, baseUrl: "https://user:${CANARIES.literal}@127.0.0.1/v1" } }`,
    ],
    [
      'in the query of the address',
      `providers: { mine: { dialect: openai-chat, baseUrl: "https://127.0.0.1/v1?key=${CANARIES.literal}" } }`,
    ],
    ['as its own line', `providers:\n  openai:\n    credential: "x\n${CANARIES.literal}\n`],
    ['as a bare word', `providers:\n  openai: {}\n${CANARIES.literal}\n`],
    ['as an alias', `providers: { openai: { credential: *${CANARIES.literal} } }`],
    ['as a tag', `providers: { openai: { credential: !${CANARIES.literal} x } }`],
    [
      'too short a key',
      `keys: [{ name: a, key: ${CANARIES.literal} }, { name: b, key: ${CANARIES.literal} }]`,
    ],
    ['with a line break in it', `providers: { openai: { credential: "${CANARIES.literal}\\nx" } }`],
    [
      'in the environment, of the wrong kind',
      'listen: ${PROVIDER_KEY}\nlog: { level: "${HEADER_SECRET}" }\nroutes: { a: { targets: ["${CLIENT_KEY}"], deadline: "${TEMPLATE_SECRET}" } }',
    ],
  ]

  test('shows in no fault of a configuration that has it in the wrong place', async () => {
    const { loadConfig } = await import('../../src/app/config/load-config.ts')
    const { formatFault } = await import('../../src/app/config/fault.ts')
    const leaks = misplaced.flatMap(([where, text]) => {
      const loaded = loadConfig({ text: `discover: false\n${text}\n`, env: ENV })
      const told = loaded.ok ? loaded.config.warnings.join('\n') : loaded.faults.map(formatFault).join('\n')
      return leaksIn({ from: where, text: told })
    })
    expect(leaks).toEqual([])
  })
})

describe('SEC-21: with books, keys that were made, and a master secret of the environment', () => {
  const secrets = { ...CANARIES, master: canary('master') }
  const env = { ...ENV, HOLDFAST_MASTER_KEY: secrets.master }

  test('no secret shows in any answer of either listener, in any command, or in the log', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-canaries-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'holdfast.db')
    const ledger = await openLedger(path, env)
    const made = await ledger.key({ name: 'laptop' })
    const boss = await ledger.key({ name: 'boss', kind: 'admin', role: 'owner' })
    const budget = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd: 1_000_000_000 })
    const all = { ...secrets, made: made.secret, boss: boss.secret }
    const config = {
      ...configOf('json'),
      store: { kind: 'sqlite', path },
      requests: { keepBodies: true },
      budgets: { unknownPrice: { input: 1, output: 1 } },
    }
    const told: Output[] = []
    await using gateway = await startProcess({ config, env, prepare })
    const get = async (from: string, url: string, key: string) => {
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${key}`, 'x-holdfast-explain': '1' },
        redirect: 'manual',
      })
      const text = await response.text()
      told.push({ from, text: `${response.status} ${JSON.stringify([...response.headers])} ${text}` })
      return { status: response.status, text }
    }

    const ids: string[] = []
    for (const place of ECHO_PLACES) {
      for (const [path, stream] of [
        ['/v1/chat/completions', false],
        ['/v1/messages', true],
      ] as const) {
        const response = await fetch(gateway.url + path, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${made.secret}`,
            'x-holdfast-explain': '1',
          },
          body: JSON.stringify({
            model: `echochat/${place}`,
            stream,
            max_tokens: 9,
            messages: [{ role: 'user', content: 'Hi' }],
          }),
        })
        const text = await response.text().catch(() => '')
        if (place !== 'usage')
          told.push({ from: `${path} ${place}`, text: JSON.stringify([...response.headers]) + text })
        ids.push(response.headers.get('x-request-id') ?? '')
      }
    }
    await expect
      .poll(async () => (await ledger.store.requests({ limit: 100 })).rows.length, { timeout: 10_000 })
      .toBe(ids.length)

    for (const id of ids) {
      for (const end of ['', '/bodies'])
        await get(`request ${id}${end}`, `${gateway.adminUrl}/api/v1/requests/${id}${end}`, boss.secret)
      await get(`explain ${id}`, `${gateway.adminUrl}/explain/${id}`, boss.secret)
      await get(`own explain ${id}`, `${gateway.url}/explain/${id}`, made.secret)
    }
    const reads = Object.keys(adminAccess).flatMap((route) =>
      route.startsWith('GET ') ? [route.slice(4)] : [],
    )
    const idOf = (route: string) =>
      route.includes('budgets') ? budget.id : route.includes('routes') ? 'both' : made.id
    for (const route of [...reads, '/status', '/metrics', '/healthz', '/readyz']) {
      const { status } = await get(
        `admin ${route}`,
        gateway.adminUrl + route.replace(/\{\w+\}/, idOf(route)),
        boss.secret,
      )
      if (/keys|budgets|audit|targets|status|metrics/.test(route))
        expect([route, status]).toEqual([route, 200])
    }
    for (const route of ['/metrics', '/v1/models', '/readyz'])
      await get(route, gateway.url + route, made.secret)

    for (const words of [
      'key list',
      'budget list',
      'usage',
      'logs',
      `logs show ${ids[0]} --bodies`,
      'audit list',
    ]) {
      for (const form of ['', ' --json']) {
        const { code, stdout, stderr } = await runToEnd({
          command: words.split(' ')[0] ?? '',
          words: [...words.split(' ').slice(1), ...(form === '' ? [] : [form.trim()])],
          env,
          prepare: (where) => {
            prepare(where)
            writeFileSync(join(where, 'holdfast.yaml'), JSON.stringify(config))
          },
        })
        expect([words, form, code, stderr]).toEqual([words, form, 0, expect.any(String)])
        told.push({ from: `${words}${form}`, text: stdout + stderr })
      }
    }
    gateway.kill('SIGTERM')
    expect((await gateway.exited).code).toBe(0)
    told.push({ from: 'the log', text: gateway.printed() })
    // Something of a provider's words was kept and shown, redacted.
    expect(told.filter(({ text }) => text.includes('[secret')).length).toBeGreaterThan(10)
    expect(told.flatMap((output) => leaksOf(all, output))).toEqual([])
  }, 240_000)

  test.each([
    ['check', ['--json']],
    ['doctor', ['--json', '--timeout', '3']],
    ['usage', []],
    ['usage', ['--json']],
  ] as const)(
    'the password of a database that cannot be reached is in nothing that `%s` prints (%j)',
    async (command, words) => {
      const password = canary('database')
      const { stdout, stderr } = await runToEnd({
        command,
        words,
        config: {
          ...configOf('json'),
          store: { kind: 'postgres', url: `postgres://holdfast:${password}@127.0.0.1:1/books` },
        },
        env,
        prepare,
      })
      const text = stdout + stderr
      expect(text).not.toBe('')
      expect(leaksOf({ ...secrets, password }, { from: command, text })).toEqual([])
    },
  )

  test('nor in what a gateway tells that runs without it', async () => {
    const password = canary('database')
    await using gateway = await startProcess({
      config: {
        ...configOf('json'),
        store: { kind: 'postgres', url: `postgres://holdfast:${password}@127.0.0.1:1/books` },
      },
      env,
      prepare,
    })
    const told: Output[] = []
    for (const url of [
      `${gateway.url}/readyz`,
      `${gateway.url}/metrics`,
      `${gateway.url}/v1/models`,
      `${gateway.adminUrl}/status`,
      `${gateway.adminUrl}/readyz`,
      `${gateway.adminUrl}/api/v1/health`,
    ]) {
      const response = await fetch(url, { headers: { 'x-api-key': CANARIES.clientKey } })
      told.push({ from: url, text: JSON.stringify([...response.headers]) + (await response.text()) })
    }
    gateway.kill('SIGTERM')
    await gateway.exited
    told.push({ from: 'the log', text: gateway.printed() })
    expect(told.some(({ text }) => text.includes('127.0.0.1:1'))).toBe(true)
    expect(told.flatMap((output) => leaksOf({ ...secrets, password }, output))).toEqual([])
  })
})
