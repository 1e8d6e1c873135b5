import { describe, expect, test } from 'vitest'
import type { PromptBucket } from '../resilience/first-token-times.ts'
import { FIRST_TOKEN_SOFT_MIN_MS, FIRST_TOKEN_SOFT_MS, FIRST_TOKEN_SOFT_SHARE } from '../resilience/timers.ts'
import { healthKey } from '../routing/planner.ts'
import { wallTarget } from '../upstream/wall.ts'
import { hasSideEffects, isElsewhere, slowStartOf } from './slow-start.ts'

const ORIGIN = 'http://127.0.0.1:1'
const hosted = wallTarget(ORIGIN)
const local = wallTarget(ORIGIN, { isLocal: true })

/** Times of which p95 and p99 are as given; absent: too little is known. */
function factsOf(target = hosted, known: { readonly p95?: number; readonly p99?: number } = {}) {
  const promptBucket: PromptBucket = 2
  const asked: unknown[] = []
  const times = {
    quantileMs(name: string, bucket: PromptBucket, share: number, nowMs: number) {
      asked.push([name, bucket, share, nowMs])
      return share === 0.95 ? known.p95 : known.p99
    },
  }
  return { facts: { target, isStreamed: true, promptBucket, times, nowMs: 7 }, asked }
}

describe('hedging', () => {
  const hedge = { afterMsMin: 1_000, spendShare: 0.02 }

  test('begins when most answers would have begun, of prompts as long as this one', () => {
    const { facts, asked } = factsOf(hosted, { p95: 1_800 })
    expect(slowStartOf(hedge, facts)).toEqual({ afterMs: 1_800, reason: 'hedge' })
    expect(asked).toEqual([[healthKey(hosted).target, 2, 0.95, 7]])
  })

  test('never begins sooner than the route says, nor later where nothing is known', () => {
    expect(slowStartOf(hedge, factsOf(hosted, { p95: 300 }).facts)?.afterMs).toBe(1_000)
    expect(slowStartOf(hedge, factsOf().facts)?.afterMs).toBe(1_000)
  })

  test('is the operator’s wish for a local server too', () => {
    expect(slowStartOf(hedge, factsOf(local).facts)?.reason).toBe('hedge')
  })
})

describe('the soft limit', () => {
  test('is ten seconds where too little is known of a hosted provider', () => {
    expect(slowStartOf(undefined, factsOf().facts)).toEqual({ afterMs: FIRST_TOKEN_SOFT_MS, reason: 'soft' })
  })

  test('is one and a half times what it hardly ever takes', () => {
    const { facts } = factsOf(hosted, { p99: 4_000 })
    expect(slowStartOf(undefined, facts)?.afterMs).toBe(4_000 * FIRST_TOKEN_SOFT_SHARE)
  })

  test('is never so short that one slow answer of a quick provider is raced', () => {
    expect(slowStartOf(undefined, factsOf(hosted, { p99: 40 }).facts)?.afterMs).toBe(FIRST_TOKEN_SOFT_MIN_MS)
  })

  test('is none where the hard limit comes first', () => {
    const { firstTokenMs } = hosted.timers
    const p99 = firstTokenMs / FIRST_TOKEN_SOFT_SHARE
    expect(slowStartOf(undefined, factsOf(hosted, { p99 }).facts)).toBeUndefined()
    expect(slowStartOf(undefined, factsOf(hosted, { p99: p99 - 1 }).facts)).toBeDefined()
  })

  test('is none for a local server, which may be loading its model', () => {
    expect(slowStartOf(undefined, factsOf(local, { p99: 100 }).facts)).toBeUndefined()
  })
})

test('another provider, or the same one at another address, is elsewhere; another model there is not', () => {
  expect(isElsewhere(wallTarget(ORIGIN, { id: 'other' }), hosted)).toBe(true)
  expect(isElsewhere(wallTarget('http://127.0.0.2:1'), hosted)).toBe(true)
  expect(isElsewhere({ ...wallTarget(ORIGIN), modelId: 'stone' }, hosted)).toBe(false)
})

describe('being asked twice', () => {
  function request(fields: Readonly<Record<string, unknown>>) {
    return { fields: new Map(Object.entries(fields)), body: Buffer.from(JSON.stringify(fields)) }
  }

  test('leaves something behind where a conversation is kept, or the provider runs tools', () => {
    for (const field of ['conversation', 'background', 'container', 'mcp_servers'])
      expect(hasSideEffects(request({ [field]: 'x' })), field).toBe(true)
    for (const type of ['mcp', 'code_interpreter', 'code_execution_20250825', 'shell', 'image_generation'])
      expect(hasSideEffects(request({ tools: [{ type }] })), type).toBe(true)
  })

  test('leaves nothing behind for a question, with or without the client’s own tools', () => {
    expect(hasSideEffects(request({ messages: [] }))).toBe(false)
    const tools = [{ type: 'function', function: { name: 'look_up' } }]
    expect(hasSideEffects(request({ messages: [], tools }))).toBe(false)
  })

  test('words that only the prompt says run no tool', () => {
    expect(hasSideEffects(request({ messages: 'What is image_generation?' }))).toBe(false)
  })

  test('a body that is a part of a larger piece of memory is looked at alone', () => {
    const { fields } = request({ tools: [] })
    const memory = Buffer.from('"code_interpreter"{"tools":[]}')
    expect(hasSideEffects({ fields, body: memory.subarray(18) })).toBe(false)
  })
})
