import { describe, expect, test } from 'vitest'
import { GROUP_DEPTH_MAX, TARGETS_MAX } from '../../routing/config-schema.ts'
import type { ConfiguredNode, ConfiguredRoute, HoldfastConfig } from './config.ts'
import { formatFault } from './fault.ts'
import { loadConfig } from './load-config.ts'

const env = { A: 'a-key-0001', B: 'b-key-0002', OPENAI_API_KEY: 'o' }

function configOf(text: string): HoldfastConfig {
  const loaded = loadConfig({ text, env })
  if (!loaded.ok) throw new Error(loaded.faults.map(formatFault).join('\n'))
  return loaded.config
}

function faultsOf(text: string): string {
  const loaded = loadConfig({ text, env })
  return loaded.ok ? '' : loaded.faults.map(formatFault).join('\n')
}

function routeOf(text: string, name: string): ConfiguredRoute {
  const found = configOf(text).routes.find((route) => route.name === name)
  if (found === undefined) throw new Error('no such route')
  return found
}

/** The tree in short. */
function shape(node: ConfiguredNode): unknown {
  const weight = node.weight === undefined ? {} : { weight: node.weight }
  if (node.type === 'target')
    return node.weight === undefined ? node.target : { target: node.target, ...weight }
  const when = node.when === undefined ? {} : { when: node.when.source }
  const children = node.children.map(shape)
  return node.type === 'first'
    ? { first: children, ...when, ...weight }
    : { [node.strategy]: children, ...when, ...weight }
}

describe('groups', () => {
  test('stand in the list where they are written, with their weights and conditions', () => {
    const route = routeOf(
      `routes:
  smart:
    targets:
      - ollama/a
      - balance: weighted
        targets: [ollama/b, { target: ollama/c, weight: 3 }, { targets: [ollama/d, ollama/e], weight: 0.5 }]
      - when: request.inputTokens > 100000
        targets: [ollama/f]
      - { target: ollama/a, when: request.stream }
`,
      'smart',
    )
    expect(shape(route.root)).toEqual({
      first: [
        'ollama/a',
        {
          weighted: [
            'ollama/b',
            { target: 'ollama/c', weight: 3 },
            { first: ['ollama/d', 'ollama/e'], weight: 0.5 },
          ],
        },
        { first: ['ollama/f'], when: 'request.inputTokens > 100000' },
        { first: ['ollama/a'], when: 'request.stream' },
      ],
    })
    expect(route.targets).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((model) => `ollama/${model}`))
  })

  test('a route may be balanced as a whole, and stands in others as the group it is, with the policy of those', () => {
    const text = `routes:
  fast: { balance: latency, targets: [ollama/a, ollama/b], retries: 0, rescue: full, explain: true }
  list: { targets: [ollama/c, ollama/a] }
  outer:
    targets: [fast, list, { targets: [list] }]
    hedge: true
  shared:
    balance: affinity
    targets: [{ target: fast, weight: 2 }, list]
`
    expect(shape(routeOf(text, 'fast').root)).toEqual({ latency: ['ollama/a', 'ollama/b'] })
    const outer = routeOf(text, 'outer')
    expect(shape(outer.root)).toEqual({
      first: [{ latency: ['ollama/a', 'ollama/b'] }, 'ollama/c', 'ollama/a'],
    })
    expect(outer).toMatchObject({
      retries: 2,
      rescue: 'safe',
      isExplained: false,
      hedge: { afterMsMin: 1_000, spendShare: 0.02 },
    })
    expect(shape(routeOf(text, 'shared').root)).toEqual({
      affinity: [{ latency: ['ollama/a', 'ollama/b'], weight: 2 }, { first: ['ollama/c', 'ollama/a'] }],
    })
  })

  test('a group of one is that one, and a weight stays with the group it was written for', () => {
    const text = `routes:
  one: { balance: weighted, targets: [{ target: ollama/a, weight: 9 }] }
  two: { balance: weighted, targets: [one, { targets: [one], weight: 2 }, ollama/b] }
`
    expect(shape(routeOf(text, 'two').root)).toEqual({
      weighted: ['ollama/a', { target: 'ollama/a', weight: 2 }, 'ollama/b'],
    })
  })

  test('the policies of a route are read', () => {
    const text = `routes:
  a: { targets: [ollama/x], hedge: { after: 250ms, share: 0.5% }, rescue: "off", policyFallback: true, explain: true }
  b: { targets: [ollama/x], hedge: false }
  c: { targets: [ollama/x], hedge: { share: 10% } }
`
    expect(routeOf(text, 'a')).toMatchObject({
      hedge: { afterMsMin: 250, spendShare: 0.005 },
      rescue: 'off',
      fallsBackOnPolicy: true,
      isExplained: true,
    })
    expect(routeOf(text, 'b').hedge).toBeUndefined()
    expect(routeOf(text, 'c').hedge).toEqual({ afterMsMin: 1_000, spendShare: 0.1 })
  })

  test('a route that has nothing for some requests is remarked on', () => {
    const always = 'routes: { a: { targets: [{ target: ollama/x, when: request.stream }, ollama/y] } }'
    expect(configOf(always).warnings).toEqual([])
    const sometimes = 'routes: { a: { targets: [{ target: ollama/x, when: request.stream }] } }'
    expect(configOf(sometimes).warnings).toEqual([expect.stringContaining('routes.a refuses requests')])
  })
})

describe('a fault in a group', () => {
  const group = (entry: string) => `routes:\n  a:\n    targets:\n      - ollama/x\n      - ${entry}\n`

  test.each([
    [
      '{ when: "request.inputTokenz > 1", targets: [ollama/y] }',
      '5:17: routes.a.targets[1].when: "request.inputTokenz > 1" asks at character 9 for request.inputTokenz',
    ],
    [
      '{ target: ollama/y, when: request.model }',
      '5:35: routes.a.targets[1].when: "request.model" comes to a value of type string',
    ],
    ['{ when: "", target: ollama/y }', 'routes.a.targets[1].when: "" is empty'],
    [
      '{ balance: random, targets: [ollama/y] }',
      '5:20: routes.a.targets[1].balance: "random" must be one of weighted, latency, cheapest, affinity',
    ],
    [
      '{ balanse: latency, targets: [ollama/y] }',
      '5:11: routes.a.targets[1] has no field "balanse"; did you mean "balance"?',
    ],
    [
      '{ balance: latency }',
      '5:9: routes.a.targets[1] must have either target, for one, or targets, for a group',
    ],
    ['{ target: ollama/y, targets: [ollama/z] }', 'must have either target, for one, or targets'],
    ['{ target: ollama/y, balance: latency }', 'has balance and a single target'],
    ['{ target: ollama/y, weight: 2 }', 'has a weight, which counts only in a group with balance: weighted'],
    [
      '{ balance: latency, targets: [ollama/y, { target: ollama/z, weight: 2 }] }',
      'routes.a.targets[1].targets[1] has a weight',
    ],
    [
      '{ balance: weighted, targets: [{ target: ollama/z, weight: -1 }] }',
      'targets[0].weight: "-1" must be at least 0',
    ],
    ['{ targets: [] }', 'routes.a.targets[1].targets: must have at least 1 entry'],
    [
      '{ targets: [nobody] }',
      'routes.a.targets[1].targets[0]: "nobody" is neither provider/model nor the name of a route',
    ],
    ['{ target: a }', 'the routes go in a circle (a -> a)'],
    ['{ targets: [{ targets: [a] }] }', 'the routes go in a circle (a -> a)'],
    ['""', 'routes.a.targets[1]: is empty: write provider/model'],
    ['7', 'must be provider/model, the name of a route, or a group'],
  ])('%s: %s', (entry, message) => {
    expect(faultsOf(group(entry))).toContain(message)
    expect(faultsOf(group(entry)).split('\n')).toHaveLength(1)
  })

  test.each([
    ['hedge: yes', 'routes.a.hedge: must be true, false, or {after: 1s, share: 2%}'],
    ['hedge: { share: 2 }', 'hedge.share: "2" must be text'],
    ['hedge: { share: "2" }', 'hedge.share: "2" is not a share: write a number of percent, such as 2%'],
    ['hedge: { share: 200% }', 'is out of range: write from 0.1% to 100%'],
    ['hedge: { aftr: 1s }', 'routes.a.hedge has no field "aftr"; did you mean "after"?'],
    ['rescue: always', 'rescue: "always" must be one of off, safe, full'],
  ])('%s: %s', (field, message) => {
    expect(faultsOf(`routes:\n  a:\n    targets: [ollama/x]\n    ${field}\n`)).toContain(message)
  })

  test('groups nest only so deep, and a tree holds only so many targets', () => {
    const nested = (depth: number): string =>
      depth === 0 ? 'ollama/x' : `{ balance: latency, targets: [${nested(depth - 1)}, ollama/y] }`
    expect(faultsOf(`routes: { a: { targets: [${nested(GROUP_DEPTH_MAX)}] } }`)).toBe('')
    expect(faultsOf(`routes: { a: { targets: [${nested(GROUP_DEPTH_MAX + 1)}] } }`)).toContain(
      'stands in 9 groups: at most 8',
    )
    const models = (from: number) => Array.from({ length: 20 }, (_, at) => `ollama/m${from + at}`).join(', ')
    const text = `routes: { a: { targets: [{ targets: [${models(0)}] }, { targets: [${models(20)}] }] } }`
    expect(faultsOf(text)).toContain(`comes to 40 targets with the routes in it; at most ${TARGETS_MAX}`)
  })
})

describe('a key pool', () => {
  const provider = (fields: string) => `providers: { openai: { ${fields} } }`

  test('has all its keys, the first of them for what needs one, and the redactor knows every one', () => {
    const config = configOf(provider('keys: [os.environ/A, os.environ/B], slots: 3'))
    const [openai] = config.providers
    expect(openai?.pool?.map((key) => key.reveal())).toEqual(['a-key-0001', 'b-key-0002'])
    expect(openai?.credential?.reveal()).toBe('a-key-0001')
    expect(openai?.slots).toBe(3)
    expect(config.secrets.map((secret) => secret.reveal())).toEqual(
      expect.arrayContaining(['a-key-0001', 'b-key-0002']),
    )
  })

  test.each([
    ['keys: [os.environ/A], credential: os.environ/B', 'providers.openai.keys stands beside credential'],
    [
      'keys: [os.environ/A, os.environ/B, os.environ/A]',
      'providers.openai.keys[2] is the same key as providers.openai.keys[0]: remove it',
    ],
    [
      'keys: [os.environ/A, os.environ/NONE]',
      'providers.openai.keys[1]: the environment variable NONE is not set',
    ],
    ['keys: []', 'providers.openai.keys: must have at least 1 entry'],
    ['slots: 0', 'slots: "0" must be at least 1'],
  ])('%s: %s', (fields, message) => {
    expect(faultsOf(provider(fields))).toContain(message)
    expect(faultsOf(provider(fields)).split('\n')).toHaveLength(1)
    expect(faultsOf(provider(fields))).not.toMatch(/[ab]-key-000/)
  })
})
