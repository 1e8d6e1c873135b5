/**
 * Any history of reloads and requests: a request sees the configuration it began under and no other, to its end; a bad
 * file changes nothing; and a configuration that serves nobody any more is let go of.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createReloadStage, type ReloadStage, type StagedRequest } from '../support/reload-stage.ts'
import { pause, PROOF_MS } from './proofs.test-support.ts'

/** What must be true of the gateway, as far as a history tells. */
interface Model {
  inForce: number
  made: number
  readonly open: Map<number, { readonly config: number }>
}

type Step = fc.AsyncCommand<Model, ReloadStage>

const step = (name: string, run: (model: Model, stage: ReloadStage) => Promise<void>, check = alwaysOpen) =>
  ({ check, run, toString: () => name }) satisfies Step

const alwaysOpen: (model: Readonly<Model>) => boolean = () => true
const hasOpen = (model: Readonly<Model>): boolean => model.open.size > 0

const reloadGood = step('reload', async (model, stage) => {
  model.made += 1
  expect(await stage.reload(model.made)).toEqual([])
  model.inForce = model.made
})
const reloadBad = step('reload a bad file', async (_, stage) => {
  expect(await stage.reload('bad')).not.toEqual([])
})
const reloadSame = step('reload the same file', async (model, stage) => {
  expect(await stage.reload(model.inForce)).toEqual([])
})

const begin = (isStream: boolean) =>
  step(isStream ? 'begin a stream' : 'begin', async (model, stage) => {
    const { number } = await stage.begin(isStream)
    model.open.set(number, { config: model.inForce })
  })

/** Picks one of the open requests, whichever there are. */
const onOpen = (
  name: string,
  seed: number,
  act: (request: StagedRequest, stage: ReloadStage) => Promise<void>,
) =>
  step(
    `${name} ${seed}`,
    async (model, stage) => {
      const numbers = [...model.open.keys()]
      const number = numbers[seed % numbers.length] ?? -1
      const request = stage.request(number)
      await act(request, stage)
      const config = model.open.get(number)?.config
      expect(new Set(request.configs)).toEqual(new Set([config]))
      if (!request.isOver) return
      model.open.delete(number)
      // Who left, or met nothing but failures, has no answer.
      expect([undefined, config]).toContain(request.answeredBy)
    },
    hasOpen,
  )

const steps = [
  fc.constant(reloadGood),
  fc.constant(reloadBad),
  fc.constant(reloadSame),
  fc.boolean().map(begin),
  fc.nat(9).map((seed) => onOpen('fail over', seed, (request, stage) => stage.failOver(request))),
  fc.nat(9).map((seed) => onOpen('first words', seed, (request, stage) => stage.progress(request))),
  fc.nat(9).map((seed) => onOpen('finish', seed, (request, stage) => stage.finish(request))),
  fc.nat(9).map((seed) => onOpen('leave', seed, (request, stage) => stage.leave(request))),
]

const RUNS = 40

test('fault 133: whatever the history, a request lives in one configuration, and those nobody needs are released', {
  timeout: PROOF_MS,
}, async () => {
  setFlagsFromString('--expose-gc')
  // The flag puts the collector into contexts made after it.
  const collect = runInNewContext('gc') as () => void
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 30 }), async (commands) => {
      await using stage = await createReloadStage()
      await fc.asyncModelRun(
        () => ({ model: { inForce: 1, made: 1, open: new Map() }, real: stage }),
        commands,
      )
      await stage.finishAll()
      // The one that serves is the only one that anything still holds, beside that of the start.
      // To look at what is weakly held is to hold it for the rest of the turn, so each look has one of its own.
      let kept = 1
      for (let look = 0; look < 20 && kept > 0; look += 1) {
        await pause(2)
        collect()
        kept = stage.keptConfigs()
      }
      expect(kept).toBe(0)
      expect(await stage.requestsInFlight()).toBe(0)
    }),
    { numRuns: RUNS },
  )
})
