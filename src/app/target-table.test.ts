import { expect, test, vi } from 'vitest'
import { healthKey } from '../routing/planner.ts'
import { buildRoute } from './build-route.ts'
import { loadConfig } from './config/load-config.ts'
import { createTargetTable, TARGETS_KEPT_MAX } from './target-table.ts'

function configOf(text: string) {
  const loaded = loadConfig({ text, env: { A: 'a-key-0001', B: 'b-key-0002' } })
  if (!loaded.ok) throw new Error(loaded.faults.map(({ message }) => message).join('\n'))
  return loaded.config
}

const config = configOf(`providers:
  openai: { keys: [os.environ/A, os.environ/B] }
  llamacpp: { slots: 2 }
routes:
  quick: { balance: latency, targets: [openai/m, llamacpp/x] }
  warm: { balance: affinity, targets: [{ target: openai/m, weight: 3 }, llamacpp/x] }
`)

test('a key pool is a target for each key, of one name and with a memory of its own each', () => {
  const table = createTargetTable(config.providers)
  const targets = table('openai', 'm')
  expect(targets.map(({ id, credential }) => [id, credential?.reveal()])).toEqual([
    ['openai/m', 'a-key-0001'],
    ['openai/m', 'b-key-0002'],
  ])
  expect(new Set(targets.map((one) => healthKey(one).target)).size).toBe(2)
  expect(new Set(targets.map((one) => healthKey(one).credential)).size).toBe(2)
  expect(table('openai', 'm')).toBe(targets)
  expect(table('llamacpp', 'x')).toHaveLength(1)
  expect(table('nobody', 'x')).toEqual([])
  expect(table('openai', '')).toEqual([])
})

test('each target is told of once, with its slots, and again when the table was full', () => {
  const onTarget = vi.fn()
  const table = createTargetTable(config.providers, onTarget)
  for (let time = 0; time < 2; time += 1) {
    table('llamacpp', 'x')
    table('openai', 'm')
  }
  expect(onTarget.mock.calls.map(([target, slots]) => [target.id, slots])).toEqual([
    ['llamacpp/x', 2],
    ['openai/m', undefined],
    ['openai/m', undefined],
  ])
  for (let model = 0; model < TARGETS_KEPT_MAX; model += 1) table('llamacpp', `m${model}`)
  onTarget.mockClear()
  table('llamacpp', 'x')
  expect(onTarget).toHaveBeenCalledTimes(1)
})

test('a pool in a route is a group of its own: the quickest key, or, for warm caches, always the same', () => {
  const table = createTargetTable(config.providers)
  const [quick, warm] = config.routes.map((route) => buildRoute(route, table))
  const pool = { type: 'balanced', children: [{ type: 'target' }, { type: 'target' }] }
  expect(quick).toMatchObject({
    name: 'quick',
    rescue: 'safe',
    root: { strategy: 'latency', children: [{ ...pool, strategy: 'latency' }, { type: 'target' }] },
  })
  expect(warm?.root).toMatchObject({
    strategy: 'affinity',
    children: [{ ...pool, strategy: 'affinity', weight: 3 }, { type: 'target' }],
  })
})
