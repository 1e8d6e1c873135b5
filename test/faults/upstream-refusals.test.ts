/** Statuses that say no, and pages that say nothing: rows 25 to 37 of the fault catalogue. */

import { createServer } from 'node:net'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import { CONTENT_POLICY, CONTEXT_LENGTH } from '../../src/simulator/faults/vendor-refusals.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import { type FaultRow, SOME_COMBINATIONS, testFaultRows } from '../support/fault-rows.ts'
import { combinations, expectRefused, expectWhole, openBench, otherDialect } from '../support/upstreams.ts'

const retried = { calls: { beside: 2, alone: 2 }, shouldRetry: true, cost: 'none' } as const
const final = { calls: { beside: 1, alone: 1 }, shouldRetry: false, cost: 'none' } as const

const overloaded = {
  calls: { beside: 1, alone: 2 },
  shouldRetry: true,
  cost: 'none',
  code: 'upstream_overloaded',
  status: 503,
} as const

/** Their error bodies say of what kind the error is; elsewhere the status alone does, and it was 200. */
const TELLING: readonly TargetDialectId[] = [
  'openai-chat',
  'anthropic-messages',
  'openai-responses',
  'gemini',
]

const rows: readonly FaultRow[] = [
  { row: 25, fault: 'unauthorized', ...final, code: 'upstream_auth', status: 502 },
  // A 403 that does not name the key says nothing against it either.
  { row: 25, fault: 'status-403', ...final, code: 'upstream_forbidden', status: 502 },
  // A key that may not use this model says nothing against the key.
  { row: 26, fault: 'forbidden', ...final, code: 'upstream_model_not_found', status: 404 },
  { row: 26, fault: 'model-not-found', ...final, code: 'upstream_model_not_found', status: 404 },
  {
    row: 31,
    fault: 'status-503',
    ...retried,
    code: 'upstream_unavailable',
    status: 503,
    combinations: SOME_COMBINATIONS.filter(({ target }) => target !== 'gemini'),
  },
  // Gemini calls every 503 UNAVAILABLE, which is its word for too much to do.
  {
    row: 31,
    fault: 'status-503',
    ...overloaded,
    combinations: SOME_COMBINATIONS.filter(({ target }) => target === 'gemini'),
  },
  { row: 32, fault: 'overloaded', ...overloaded },
  { row: 33, fault: 'html(status=502)', ...retried, code: 'upstream_error', status: 502 },
  { row: 33, fault: 'html(status=520)', ...retried, code: 'upstream_error', status: 502 },
  {
    row: 33,
    fault: 'html(status=524)',
    calls: { beside: 1, alone: 1 },
    shouldRetry: true,
    cost: 'none',
    code: 'upstream_gateway_timeout',
    status: 504,
  },
  ...['html(status=200)', 'no-content(status=204)', 'no-content(status=304)', 'partial-content'].map(
    (fault) => ({ row: 34, fault, ...retried, code: 'upstream_bad_response', status: 502 }),
  ),
  { row: 35, fault: 'redirect(status=301)', ...final, code: 'upstream_redirect', status: 502 },
  { row: 35, fault: 'redirect(status=307)', ...final, code: 'upstream_redirect', status: 502 },
  {
    row: 36,
    fault: 'error-in-success(status=503)',
    ...retried,
    code: 'upstream_unavailable',
    status: 503,
    combinations: combinations({ targets: ['openai-chat'] }),
  },
  {
    row: 36,
    fault: 'error-in-success(status=401)',
    ...final,
    code: 'upstream_auth',
    status: 502,
    combinations: SOME_COMBINATIONS.filter(({ target }) => TELLING.includes(target)),
  },
  ...['error-not-json', 'error-empty', 'error-huge', 'error-gzip-bomb(megabytes=64)'].map((fault) => ({
    row: 37,
    fault,
    ...retried,
    code: 'upstream_error',
    status: 502,
  })),
]

testFaultRows(rows)

describe('fault 25: the operator’s key is refused', () => {
  test('fault 25: it is not used again, and the alert shows it by its fingerprint only', async () => {
    const credential = 'sk-operator-secret-0123456789abcdef'
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: 'openai-chat', faults: ['unauthorized'], credential },
        backup: { dialect: 'anthropic-messages', text: 'A good key.' },
      },
    })
    for (let turn = 0; turn < 3; turn += 1) {
      expectWhole(await bench.ask({ client: 'openai-chat', mode: 'stream' }), 'A good key.')
    }
    const refused = await bench.ask({ client: 'openai-chat', mode: 'plain', model: 'primary/another' })
    expectRefused(refused, { status: 502, code: 'upstream_auth', shouldRetry: false })
    expect(bench.calls('primary')).toHaveLength(1)
    const alerts = bench.gateway.notices.filter(({ name }) => name === 'credential_refused')
    expect(alerts).toHaveLength(1)
    expect(alerts[0]?.facts?.['credential']).toMatch(/[0-9a-f]{6,}/)
    expect(JSON.stringify([bench.gateway.notices, bench.gateway.attempts, refused.raw])).not.toContain(
      credential,
    )
  })
})

test('faults 26 and 90: a model that is gone raises an alert and is told with its name', async () => {
  await using bench = await openBench({
    upstreams: { primary: { dialect: 'openai-chat', faults: ['model-not-found'] } },
  })
  const answer = await bench.ask({ client: 'openai-chat', mode: 'plain' })
  expectRefused(answer, { status: 404, code: 'upstream_model_not_found', shouldRetry: false })
  expect(bench.gateway.notices).toContainEqual(
    expect.objectContaining({ level: 'error', name: 'target_misconfigured' }),
  )
})

describe('fault 27: a prompt too long for the model', () => {
  const windows = { small: 'gpt-3.5-turbo', smaller: 'gpt-4', large: 'gpt-4o' }

  // "Too large for tokens per minute" is about a limit of the account, which another model may not have.
  const vendors = Object.keys(CONTEXT_LENGTH).filter((vendor) => vendor !== 'groq-413')

  test.concurrent.for(vendors)(
    'fault 27: in the words of %s: one call, then the larger model and no smaller one',
    async (vendor) => {
      await using bench = await openBench({
        upstreams: {
          openai: {
            dialect: 'openai-chat',
            text: 'It fits.',
            faults: [{ fault: `context-length(vendor=${vendor})`, model: windows.small }],
          },
        },
        targets: Object.values(windows).map((model) => `openai/${model}`),
        retries: 3,
      })
      const answer = await bench.ask({ client: 'openai-chat', mode: 'stream' })
      expectWhole(answer, 'It fits.')
      expect(bench.calls('openai').map(({ model }) => model)).toEqual([windows.small, windows.large])
      const { attempts } = await bench.recordOf(answer)
      expect(attempts.map(({ code, usageSource }) => ({ code, usageSource }))).toEqual([
        { code: 'context_length_exceeded', usageSource: 'none' },
        { code: undefined, usageSource: 'reported' },
      ])
    },
  )

  test('fault 27: a further instance of a known provider has the windows of its models', async () => {
    await using bench = await openBench({
      upstreams: {
        'second-account': {
          dialect: 'openai-chat',
          provider: 'openai',
          text: 'It fits.',
          faults: [{ fault: 'context-length(vendor=openai)', model: windows.small }],
        },
      },
      targets: Object.values(windows).map((model) => `second-account/${model}`),
    })
    expectWhole(await bench.ask({ client: 'openai-chat', mode: 'plain' }), 'It fits.')
    expect(bench.calls('second-account').map(({ model }) => model)).toEqual([windows.small, windows.large])
  })

  test.concurrent.for(combinations())(
    'fault 27: nothing larger there: $client $mode from $target is told 400',
    async ({ client, mode, target }) => {
      const small = target === 'openai-chat' ? 'openai/gpt-4o' : 'anthropic/claude-sonnet-4-5'
      const [provider = ''] = small.split('/')
      await using bench = await openBench({
        upstreams: {
          [provider]: { dialect: target, faults: ['context-length(vendor=anthropic)'] },
          openai: {
            dialect: 'openai-chat',
            text: 'Too small anyway.',
            ...(target === 'openai-chat' ? { faults: ['context-length(vendor=openai)'] } : {}),
          },
        },
        targets: [small, 'openai/gpt-4'],
      })
      const answer = await bench.ask({ client, mode })
      expectRefused(answer, { status: 400, code: 'context_length_exceeded', shouldRetry: false })
      expect(answer.error?.type).toBe(client === 'gemini' ? 'INVALID_ARGUMENT' : 'invalid_request_error')
      const calls = [...bench.simulators.values()].flatMap((one) =>
        one.calls.filter(({ method }) => method === 'POST'),
      )
      expect(calls).toHaveLength(1)
    },
  )
})

describe('fault 28: a prompt that the provider will not hear', () => {
  const cases = Object.keys(CONTENT_POLICY).flatMap((vendor, place) =>
    combinations({ modes: [place % 2 === 0 ? 'stream' : 'plain'] }).map((one) => ({ vendor, ...one })),
  )

  test.concurrent.for(cases)(
    'fault 28: in the words of $vendor: $client $mode from $target gets a clean 400 and nobody else is asked',
    async ({ vendor, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: [`content-policy(vendor=${vendor})`] },
          backup: { dialect: otherDialect(target), text: 'Would have answered.' },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectRefused(answer, { status: 400, code: 'content_policy', shouldRetry: false })
      expect(bench.calls('primary')).toHaveLength(1)
      expect(bench.calls('backup')).toHaveLength(0)
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'failed', attempts: 1 })
    },
  )
})

test.concurrent.for(combinations())(
  'fault 29: an unsupported parameter is a 400 that names it ($client $mode from $target)',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: target, faults: ['unsupported-parameter(parameter=temperature)'] },
        backup: { dialect: otherDialect(target), text: 'Would have answered.' },
      },
    })
    const answer = await bench.ask({ client, mode })
    expectRefused(answer, { status: 400, code: 'upstream_invalid_request', shouldRetry: false })
    expect(answer.error?.message).toContain('temperature')
    if (target === 'openai-chat') expect(answer.error?.param).toBe('temperature')
    expect(bench.calls('primary')).toHaveLength(1)
    expect(bench.calls('backup')).toHaveLength(0)
  },
)

describe.concurrent('fault 29: a sampling parameter that the model has not', () => {
  /** Where each client says how the answer is drawn. */
  const temperature = (client: ClientDialect): Readonly<Record<string, unknown>> =>
    client === 'gemini' ? { generationConfig: { temperature: 0.5 } } : { temperature: 0.5 }

  test.for(combinations({ targets: ['openai-chat'] }))(
    'fault 29: is left out once it was refused by name, and $client $mode is told so',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: target,
            text: 'Without it, then.',
            faults: [{ fault: 'unsupported-parameter(parameter=temperature)', first: 1 }],
          },
        },
        retries: 0,
      })
      for (const callsSoFar of [2, 3]) {
        const answer = await bench.ask({ client, mode, body: temperature(client) })
        expectWhole(answer, 'Without it, then.')
        expect(bench.calls('primary')).toHaveLength(callsSoFar)
        expect(answer.headers.get('x-holdfast-losses')).toContain('temperature')
        const { exchange, attempts } = await bench.recordOf(answer)
        expect(exchange.losses.map(({ field }) => field)).toContain('temperature')
        expect(attempts.map(({ code }) => code)).toEqual(
          callsSoFar === 2 ? ['upstream_invalid_request', undefined] : [undefined],
        )
        expect(attempts[0]?.isWaste).toBe(false)
      }
    },
  )

  test.for(['stream', 'plain'] as const)(
    'fault 29: a route that is strict leaves nothing out, and says which field ($0)',
    async (mode) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: 'openai-chat',
            faults: [{ fault: 'unsupported-parameter(parameter=temperature)', first: 1 }],
          },
        },
        route: { strict: true },
      })
      const answer = await bench.ask({ client: 'openai-chat', mode, body: temperature('openai-chat') })
      expectRefused(answer, { status: 400, code: 'upstream_invalid_request', shouldRetry: false })
      expect(answer.error?.param).toBe('temperature')
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )
})

describe.concurrent('fault 90: a model that was withdrawn overnight', () => {
  test.for(combinations())(
    'fault 90: $client $mode from $target has the answer of the next model, and the operator an alert',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: target,
            text: 'As ever.',
            faults: [{ fault: 'model-not-found', model: 'withdrawn', calls: [2, 3, 4] }],
          },
          backup: { dialect: otherDialect(target), text: 'The next model.' },
        },
        targets: ['primary/withdrawn', 'backup/m'],
      })
      expectWhole(await bench.ask({ client, mode }), 'As ever.')
      for (let turn = 0; turn < 2; turn += 1) {
        const answer = await bench.ask({ client, mode })
        expectWhole(answer, 'The next model.')
        const { attempts } = await bench.recordOf(answer)
        expect(attempts[0]).toMatchObject({ code: 'upstream_model_not_found', usageSource: 'none' })
      }
      expect(bench.calls('primary')).toHaveLength(3)
      const alerts = bench.gateway.notices.filter(({ name }) => name === 'target_misconfigured')
      expect(alerts).toMatchObject([{ level: 'error', facts: { target: 'primary/withdrawn' } }])
    },
  )
})

test.concurrent.for(combinations())(
  'fault 30: one 500 is made good by the same target ($client $mode from $target)',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: target, text: 'Once more.', faults: [{ fault: 'status-500', first: 1 }] },
        backup: { dialect: otherDialect(target), text: 'Not needed.' },
      },
    })
    const answer = await bench.ask({ client, mode })
    expectWhole(answer, 'Once more.')
    expect(bench.calls('primary')).toHaveLength(2)
    expect(bench.calls('backup')).toHaveLength(0)
    const { exchange, attempts } = await bench.recordOf(answer)
    expect(exchange).toMatchObject({ state: 'completed', attempts: 2, target: 'primary/m' })
    expect(attempts[0]).toMatchObject({ code: 'upstream_error', upstreamStatus: 500, usageSource: 'none' })
  },
)

test.concurrent.for([2, 3, 6])(
  'fault 31: %i targets that answer 503 for ever cost at most four calls',
  async (count) => {
    const names = Array.from({ length: count }, (_, index) => `one-${index}`)
    await using bench = await openBench({
      upstreams: Object.fromEntries(
        names.map((name) => [name, { dialect: 'openai-chat' as const, faults: ['status-503'] }]),
      ),
      retries: 3,
    })
    const answer = await bench.ask({ client: 'openai-chat', mode: 'stream' })
    expectRefused(answer, { status: 503, code: 'upstream_unavailable', shouldRetry: true })
    expect(answer.headers.get('retry-after')).toBe('1')
    const calls = names.map((name) => bench.calls(name).length)
    expect(calls.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(4)
    // A second try never costs another target its first.
    expect(calls.slice(0, 4).every((one) => one > 0)).toBe(true)
  },
)

test.concurrent.for([
  { status: 502, code: 'upstream_error' },
  { status: 520, code: 'upstream_error' },
  { status: 524, code: 'upstream_gateway_timeout' },
  { status: 503, code: 'upstream_unavailable' },
  { status: 403, code: 'upstream_bad_response' },
])('fault 33: a web page with status $status shows no markup to anybody', async ({ status, code }) => {
  await using bench = await openBench({
    upstreams: { primary: { dialect: 'openai-chat', faults: [`html(status=${status})`] } },
    retries: 0,
  })
  const answer = await bench.ask({ client: 'anthropic-messages', mode: 'stream' })
  expect(answer.error?.code).toBe(code)
  expect(answer.raw).not.toMatch(/<(?:html|h1|script|p|!DOCTYPE)/i)
  expect(answer.raw).not.toContain('alert(1)')
  expect(answer.error?.message.length).toBeLessThan(300)
  expect(JSON.stringify(bench.gateway.attempts)).not.toContain('<script')
})

describe('fault 35: a redirect', () => {
  test.concurrent.for([301, 302, 303, 307, 308])(
    'fault 35: a %i to another host is never followed, and is a security event',
    async (status) => {
      let visitors = 0
      const elsewhere = createServer((socket) => {
        visitors += 1
        socket.destroy()
      }).listen(0, '127.0.0.1')
      await once(elsewhere, 'listening')
      const address = elsewhere.address()
      if (address === null || typeof address === 'string') throw new Error('no port')
      const to = `http://127.0.0.1:${address.port}/v1/steal`
      await using bench = await openBench({
        upstreams: { primary: { dialect: 'openai-chat', faults: [`redirect(status=${status},to=${to})`] } },
      })
      const answer = await bench.ask({ client: 'openai-chat', mode: 'plain' })
      expectRefused(answer, { status: 502, code: 'upstream_redirect', shouldRetry: false })
      expect(answer.raw).not.toContain('steal')
      expect(visitors).toBe(0)
      expect(bench.gateway.notices.filter(({ name }) => name === 'redirect_refused')).toHaveLength(1)
      elsewhere.close()
    },
  )

  test('fault 35: nor is one to a metadata service, and its address is not shown', async () => {
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: 'anthropic-messages', faults: ['redirect'] },
        backup: { dialect: 'openai-chat', text: 'Straight on.' },
      },
    })
    expectWhole(await bench.ask({ client: 'openai-chat', mode: 'stream' }), 'Straight on.')
    const said = JSON.stringify([bench.gateway.notices, bench.gateway.attempts])
    expect(said).not.toContain('169.254')
  })
})

describe('fault 36: an error inside a 200 counts as if its code had been the status', () => {
  test.concurrent.for([
    { status: 400, code: 'upstream_invalid_request', told: 400, calls: 1 },
    { status: 402, code: 'insufficient_quota', told: 429, calls: 1 },
    { status: 404, code: 'upstream_model_not_found', told: 404, calls: 1 },
    { status: 429, code: 'rate_limited', told: 429, calls: 2 },
    { status: 500, code: 'upstream_error', told: 502, calls: 2 },
    { status: 529, code: 'upstream_overloaded', told: 503, calls: 2 },
  ])('fault 36: $status', async ({ status, code, told, calls }) => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: 'openai-chat', faults: [`error-in-success(status=${status})`] } },
    })
    for (const mode of ['plain', 'stream'] as const) {
      const before = bench.calls('primary').length
      const answer = await bench.ask({ client: 'openai-chat', mode, model: `primary/${mode}` })
      expect({ status: answer.status, code: answer.error?.code }).toEqual({ status: told, code })
      // A credential without quota is not used for the second model.
      const expected = code === 'insufficient_quota' && mode === 'stream' ? 0 : calls
      expect(bench.calls('primary').length - before).toBe(expected)
      const { attempts } = await bench.recordOf(answer)
      for (const attempt of attempts) expect(attempt).toMatchObject({ usageSource: 'none', isWaste: false })
    }
  })
})

describe('fault 37: an error body that is none', () => {
  test.concurrent.for(['error-not-json', 'error-empty', 'error-huge(bytes=50000000)', 'error-gzip-bomb'])(
    'fault 37: %s: the status decides, and little is read',
    async (fault) => {
      const separator = fault.includes('(') ? fault.replace(')', ',status=') : `${fault}(status=`
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: 'openai-chat',
            faults: [
              { fault: `${separator}429)`, model: 'limited' },
              { fault: `${separator}401)`, model: 'refused' },
            ],
          },
        },
        retries: 0,
      })
      const limited = await bench.ask({ client: 'openai-chat', mode: 'plain', model: 'primary/limited' })
      expectRefused(limited, { status: 429, code: 'rate_limited', shouldRetry: true })
      expect(limited.raw.length).toBeLessThan(4_000)
      const refused = await bench.ask({ client: 'openai-chat', mode: 'stream', model: 'primary/refused' })
      expectRefused(refused, { status: 502, code: 'upstream_auth', shouldRetry: false })
      for (const call of bench.calls('primary')) {
        await call.settled
        // What the kernel had taken before we hung up counts as written.
        expect(call.bytesWritten).toBeLessThan(12_000_000)
      }
    },
  )
})
