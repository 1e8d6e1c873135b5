import { describe, expect, test } from 'vitest'
import { knownProviders } from '../providers/index.ts'
import { readScenario } from './read-scenario.ts'

const providers = ['openai', 'anthropic', 'bedrock'].flatMap((id) => knownProviders.get(id) ?? [])
const names = { providers, routes: ['smart', 'alone'] }

function read(text: string) {
  return readScenario({ text, file: 'day.yaml', names })
}

function scenarioOf(text: string) {
  const result = read(text)
  if (!result.ok) throw new Error(result.faults.map(({ message }) => message).join('\n'))
  return result.scenario
}

function faultsOf(text: string): readonly string[] {
  const result = read(text)
  return result.ok ? [] : result.faults.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

describe('a scenario file', () => {
  test('is read into ms, bytes and shares', () => {
    const scenario = scenarioOf(`
name: monday
about: It rains.
traffic:
  requests: 20000
  day: flat
  streams: 80%
  leave: 0%
  sameAnswers: 20%
  sdkRetries: false
  dialects: { gemini: 2, openai-responses: 1 }
  routes: { smart: 3 }
  prompt: { median: 4KiB, p95: 64KiB }
  output: { median: 200, p95: 900 }
weather:
  - { at: "9:05", for: 30m, provider: openai, fault: rate-limit, share: 50%, retryAfter: 20s }
  - { at: 14.5h, for: 1h, target: anthropic/claude, fault: slow-first-token, firstToken: 25s }
  - { at: 0ms, for: 24h, region: us-east-1, fault: truncate }
  - { at: 23:59, for: 1m, fault: hang }
objectives: { answered: 99.95%, firstTokenP99: 4s, extraCost: 5%, truncated: 0% }
`)
    expect(scenario).toEqual({
      name: 'monday',
      about: 'It rains.',
      traffic: {
        requests: 20_000,
        day: 'flat',
        streamShare: 0.8,
        leaveShare: 0,
        sameAnswerShare: 0.2,
        hasSdkRetries: false,
        dialects: { gemini: 2, 'openai-responses': 1 },
        routes: { smart: 3 },
        promptBytes: { median: 4_096, p95: 65_536 },
        outputTokens: { median: 200, p95: 900 },
      },
      weather: [
        {
          atMs: 32_700_000,
          forMs: 1_800_000,
          where: { kind: 'provider', provider: 'openai' },
          fault: 'rate-limit',
          share: 0.5,
          retryAfterMs: 20_000,
        },
        {
          atMs: 52_200_000,
          forMs: 3_600_000,
          where: { kind: 'target', target: 'anthropic/claude' },
          fault: 'slow-first-token',
          share: 1,
          firstTokenMs: 25_000,
        },
        {
          atMs: 0,
          forMs: 86_400_000,
          where: { kind: 'region', region: 'us-east-1' },
          fault: 'truncate',
          share: 1,
        },
        { atMs: 86_340_000, forMs: 60_000, where: { kind: 'everywhere' }, fault: 'hang', share: 1 },
      ],
      objectives: {
        answeredShare: expect.closeTo(0.9995),
        firstTokenP99Ms: 4_000,
        extraCostShare: 0.05,
        truncatedShare: 0,
      },
    })
  })

  test('may say next to nothing', () => {
    expect(scenarioOf('name: calm')).toMatchObject({
      weather: [],
      objectives: {},
      traffic: { requests: 10_000 },
    })
  })

  test('tells all its mistakes at once, each with line and column', () => {
    const text = [
      'traffic:',
      '  requests: 0',
      '  prompt: { median: 2KiB, p95: 1KiB }',
      'weather:',
      '  - { at: 25:00, for: 10m, fault: outag }',
      '  - { at: "14:00", for: 10m, fault: outage, shar: 5% }',
      'objectives: { answered: 0.9 }',
    ]
    expect(faultsOf(text.join('\n'))).toEqual([
      '2:13 traffic.requests: "0" must be at least 1',
      '3:11 traffic.prompt: has a p95 below its median',
      expect.stringMatching(/^5:11 weather\[0\]\.at: "25:00" is no moment of the day/),
      expect.stringMatching(/^5:35 weather\[0\]\.fault: "outag" must be one of outage, /),
      expect.stringMatching(/^6:45 weather\[1\] has no field "shar"; did you mean "share"\?/),
      expect.stringMatching(/^7:25 objectives\.answered: "0\.9" must be text, such as/),
    ])
  })

  test.each([
    ['provider: openai, target: openai/x, fault: outage', 'names provider and target: keep one of them'],
    ['fault: outage, firstToken: 3s', 'belongs to the fault slow-first-token'],
    ['fault: hang, retryAfter: 3s', 'belongs to the fault rate-limit'],
    ['fault: hang, share: 101%', 'is out of range: write from 0% to 100%'],
    ['provider: opnai, fault: hang', 'has no provider "opnai"; did you mean "openai"?'],
    ['target: openai, fault: hang', '"openai" is no target: write provider/model'],
    ['target: opnai/x, fault: hang', 'has no provider "opnai"; did you mean "openai"?'],
    ['region: us-east-2, fault: hang', 'has no region or company "us-east-2"; did you mean "us-east-1"?'],
  ])('refuses an event with %s', (fields, words) => {
    const [fault] = faultsOf(`weather:\n  - { at: "9:00", for: 1m, ${fields} }`)
    expect(fault).toMatch(/^2:\d+ weather\[0\]/)
    expect(fault).toContain(words)
  })

  test('refuses a route that nobody has', () => {
    expect(faultsOf('traffic: { routes: { smrt: 1 } }')).toEqual([
      expect.stringMatching(/^1:22 traffic\.routes\.smrt: .* has no route "smrt"; did you mean "smart"\?/),
    ])
  })

  test('is not judged beyond what is no YAML', () => {
    const faults = faultsOf('weather: [\nobjectives: { answered: 0.9 }')
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain('2:1 the indentation does not fit')
  })

  test.each(['', '  \n', '# nothing'])('says of %j that it is empty', (text) => {
    expect(faultsOf(text)).toEqual([expect.stringContaining('the file is empty: write weather')])
  })

  test('is never called a configuration', () => {
    expect(faultsOf('wether: []')).toEqual([expect.stringContaining('the scenario has no field "wether"')])
  })
})
