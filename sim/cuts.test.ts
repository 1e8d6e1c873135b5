/** Every byte at which a stream can be cut, and every step of an exchange that can fail. */

import { expect, test } from 'vitest'
import type { Transport, TransportHandler } from '../src/std/transport.ts'
import { createWorld } from '../src/drill/engine/world.ts'
import { cutEverywhere } from './cuts.ts'
import { factsOf } from './facts.ts'
import { checkAll } from './invariants/index.ts'
import { worldOf } from './scene.ts'
import type { Scene } from './scene.ts'

const CUTS = 150_000

test(`${CUTS} cuts over every wire format: none is sold as a whole answer`, { timeout: 60_000 }, () => {
  const { cuts, soldAsWhole, takenForPart } = cutEverywhere(CUTS)
  expect(cuts).toBeGreaterThanOrEqual(CUTS)
  expect(soldAsWhole).toEqual([])
  expect(takenForPart).toEqual([])
})

const CLIENTS = ['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini'] as const
/** More steps than any exchange of the scene has. */
const STEPS_MAX = 400

/** Fails the step of this number, of everything that comes from providers, counted from 1. */
function failing(number: number, told: { steps: number }): (transport: Transport) => Transport {
  return (transport) => ({
    close: () => transport.close(),
    send(request, handler) {
      let isOver = false
      const step = (phase: 'request' | 'response', act: () => void): void => {
        if (isOver) return
        told.steps += 1
        if (told.steps !== number) return act()
        isOver = true
        call.abort()
        handler.onFailure({ phase, code: 'ECONNRESET' })
      }
      const watched: TransportHandler = {
        onSend: () => step('request', () => handler.onSend()),
        onHeaders: (status, headers) => step('request', () => handler.onHeaders(status, headers)),
        onData: (chunk) => step('response', () => handler.onData(chunk)),
        onEnd: () => step('response', () => handler.onEnd()),
        onFailure: (failure) => {
          if (!isOver) handler.onFailure(failure)
        },
      }
      const call = transport.send(request, watched)
      return call
    },
  })
}

const scene: Scene = {
  seed: 5,
  document: {
    providers: {
      openai: { credential: 'openai-key-0123456789' },
      anthropic: { credential: 'anthropic-key-0123456789' },
    },
    routes: { smart: { targets: ['openai/gpt-5', 'anthropic/claude-sonnet-4-5'] } },
  },
  traffic: {
    clients: 1,
    requests: 4,
    arrival: { type: 'steady', perSecond: 0.1 },
    dialects: { 'openai-chat': 1 },
    streamShare: 1,
    routes: { smart: 1 },
    promptBytes: { median: 200, p95: 300 },
    outputTokens: { median: 24, p95: 40 },
    hasSdkRetries: false,
    leaveShare: 0,
    toolShare: 0.4,
  },
  weather: { paces: [], spells: [], allowances: [], sameAnswerShare: 1 },
  acts: [],
}

test.each(CLIENTS)(
  '%s: whatever step of an exchange fails, every invariant holds',
  { timeout: 60_000 },
  async (client) => {
    let number = 1
    for (; number <= STEPS_MAX; number += 1) {
      const told = { steps: 0 }
      const asked = { ...scene, traffic: { ...scene.traffic, dialects: { [client]: 1 } } }
      const options = worldOf(asked, { transport: failing(number, told) })
      const history = await createWorld(options).run()
      // What a provider reports on a line that breaks is heard by nobody: costs cannot be compared here.
      const breaches = checkAll(factsOf(history, options.config)).filter(
        ({ invariant }) => invariant !== 'I5',
      )
      expect(breaches, `step ${number}`).toEqual([])
      expect(
        history.requests.every(({ outcome }) => outcome === 'answered'),
        `step ${number}`,
      ).toBe(true)
      if (told.steps < number) break
    }
    expect(number).toBeGreaterThan(20)
    expect(number).toBeLessThan(STEPS_MAX)
  },
)
