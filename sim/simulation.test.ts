/** The simulation as part of the tests: a minute of it, each seed the same twice, and eleven planted defects found. */

import { describe, expect, test } from 'vitest'
import { plantedBugs } from './planted-bugs.ts'
import { play } from './play.ts'
import { runSeeds } from './run-seeds.ts'
import { describeScene, shrink } from './shrink.ts'
import { drawScene } from './swarm.ts'

/** CPU time that the seeds may take; the long form takes as long as it needs (`npm run sim -- --long`). */
const BUDGET_MS = 45_000
const SEEDS_MAX = 2_000
const REQUESTS_MIN = 20_000

test('every invariant holds, whatever is drawn', { timeout: 120_000 }, async () => {
  const startedAtMs = performance.now()
  const tally = await runSeeds({ from: 1, to: SEEDS_MAX }, () => performance.now() - startedAtMs > BUDGET_MS)
  expect(tally.breaches).toEqual([])
  expect(tally.requests).toBeGreaterThan(REQUESTS_MIN)
})

test.each([3, 44, 312])('seed %i is the same twice, byte for byte', async (seed) => {
  const first = await play(drawScene(seed))
  expect(await play(drawScene(seed))).toEqual(first)
})

const PLANTED_SEEDS = 60
const PLANTED_REQUESTS = 120

describe('a planted defect is found', () => {
  test.each(plantedBugs)('$breaks: $what', { timeout: 60_000 }, async ({ breaks, around }) => {
    for (let seed = 1; seed <= PLANTED_SEEDS; seed += 1) {
      const scene = drawScene(seed, PLANTED_REQUESTS)
      const { breaches } = await play(scene, around())
      if (breaches.some(({ invariant }) => invariant === breaks)) {
        expect((await play(scene)).breaches).toEqual([])
        return
      }
    }
    expect.fail(`${breaks} was not found in ${PLANTED_SEEDS} seeds`)
  })

  test('the smallest scene that still fails is told', { timeout: 60_000 }, async () => {
    const [bug] = plantedBugs.filter(({ breaks }) => breaks === 'I2')
    if (bug === undefined) throw new Error('there is one for each invariant')
    const breaks = async (candidate: ReturnType<typeof drawScene>) =>
      (await play(candidate, bug.around())).breaches.map(({ invariant }) => invariant)
    for (let seed = 1; seed <= PLANTED_SEEDS; seed += 1) {
      const scene = drawScene(seed, PLANTED_REQUESTS)
      if (!(await breaks(scene)).includes('I2')) continue
      const { scene: smallest } = await shrink(scene, 'I2', breaks)
      expect(await breaks(smallest)).toContain('I2')
      expect(smallest.weather.spells.length).toBeLessThanOrEqual(1)
      expect(PLANTED_REQUESTS - (smallest.without?.size ?? 0)).toBeLessThanOrEqual(20)
      expect(describeScene(smallest)).toContain('faults')
      return
    }
    expect.fail('no seed shows it')
  })
})
