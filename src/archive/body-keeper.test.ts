import { describe, expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import type { Notice } from '../std/notice.ts'
import { createSealer } from '../std/sealer.ts'
import { Secret } from '../std/secret.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { BodyKeeper, WAITING_BYTES_MAX } from './body-keeper.ts'
import type { SealedBodies } from './body-store.ts'
import { BODIES_TTL_MS, BODY_BYTES, requestsSchema } from './config-schema.ts'
import { findBodies } from './find-bodies.ts'
import type { AskedHead } from './kept-bodies.ts'

function stage(settings: object = {}) {
  const clock = new ManualClock()
  const kept = new Map<string, SealedBodies>()
  const batches: number[] = []
  const notices: Notice[] = []
  const sweeps: number[] = []
  const state = { isAway: false }
  const store = {
    async putBodies(batch: readonly SealedBodies[]) {
      if (state.isAway) throw new StoreUnavailable('away')
      batches.push(batch.length)
      for (const one of batch) kept.set(one.exchangeId, one)
    },
    findBodies: async (id: string) => kept.get(id),
    sweepBodies: async (_nowMs: number, bytesMax: number) => sweeps.push(bytesMax),
  }
  const sealer = createSealer([new Secret('a master secret for these tests')])
  const keeper = new BodyKeeper({ clock, store, sealer, onNotice: (notice) => notices.push(notice) })
  keeper.use({
    settings: requestsSchema.parse({ keepBodies: true, ...settings }),
    redact: (text) => text.replaceAll('hunter-22', '[secret]'),
  })
  const find = (id: string) => findBodies(id, { store, sealer, clock })
  return { clock, keeper, kept, batches, notices, sweeps, state, find }
}

const head = (exchangeId: string): AskedHead => ({
  exchangeId,
  dialect: 'openai-chat',
  operation: 'chat',
  path: '/v1/chat/completions',
  modelId: 'm',
  stream: false,
  candidateCount: 1,
  headers: {},
})
const JSON_ANSWER = { status: 200, contentType: 'application/json', form: 'plain' }

describe('the keeper of bodies', () => {
  test('SEC-25: wants what the key says, and where it says nothing, what the file does', () => {
    const { keeper } = stage()
    expect([true, undefined, false].map((ofKey) => keeper.isWanted(ofKey))).toEqual([true, true, false])
    keeper.use({ settings: requestsSchema.parse(undefined), redact: (text) => text })
    expect([true, undefined, false].map((ofKey) => keeper.isWanted(ofKey))).toEqual([true, false, false])
  })

  test('SEC-26: seals them for their exchange: no word of them is in the store, and moved they do not open', async () => {
    const { keeper, kept, find } = stage()
    const note = keeper.note(head('req_1'), Buffer.from('{"ask":"a quiet question of hunter-22"}'))
    note?.begin(JSON_ANSWER)
    note?.add(Buffer.from('{"said":'))
    note?.add(Buffer.from('"a quiet answer"}'))
    note?.end()
    note?.end()
    await keeper.deliver()
    const sealed = kept.get('req_1')
    expect(Buffer.from(sealed?.sealed ?? []).toString('latin1')).not.toMatch(/quiet|hunter|openai/)
    expect(sealed && sealed.expiresAtMs - sealed.createdAtMs).toBe(BODIES_TTL_MS)
    const found = await find('req_1')
    expect(found).toMatchObject({
      type: 'kept',
      bodies: { exchangeId: 'req_1', path: '/v1/chat/completions', request: { isRedacted: true } },
    })
    if (found.type !== 'kept') return
    const { request, answer } = found.bodies
    expect(request.type === 'kept' && request.body.toString()).toBe('{"ask":"a quiet question of [secret]"}')
    expect(answer?.body.type === 'kept' && answer.body.body.toString()).toBe('{"said":"a quiet answer"}')
    if (sealed) kept.set('req_2', { ...sealed, exchangeId: 'req_2' })
    expect(await find('req_2')).toEqual({ type: 'unreadable' })
    expect(await find('req_3')).toEqual({ type: 'none' })
    expect(keeper.heldBytes).toBe(0)
  })

  test('keeps of what is too large that it was, of an answer its beginning, of a form and of sound nothing', async () => {
    const { keeper, find } = stage({ bodyBytes: 1024 })
    const large = keeper.note(head('large'), Buffer.alloc(1025, 97))
    large?.begin(JSON_ANSWER)
    for (let place = 0; place < 100; place += 1) large?.add(Buffer.alloc(100, 98))
    large?.end()
    const form = keeper.note(head('form'), { formBytes: 77 })
    form?.begin({ ...JSON_ANSWER, contentType: 'audio/mpeg' })
    form?.add(Buffer.alloc(50))
    form?.end()
    keeper.note(head('failed'), Buffer.from('{}'))?.end()
    await keeper.deliver()
    expect(await find('large')).toMatchObject({
      bodies: {
        request: { type: 'left-out', reason: 'too-large', bytes: 1025 },
        answer: { body: { type: 'kept', bytes: 10_000, isCut: true, body: { length: 1024 } } },
      },
    })
    expect(await find('form')).toMatchObject({
      bodies: {
        request: { type: 'left-out', reason: 'form', bytes: 77 },
        answer: { body: { type: 'left-out', reason: 'binary', bytes: 50 } },
      },
    })
    const failed = await find('failed')
    expect(failed.type === 'kept' && failed.bodies.answer).toBeUndefined()
    expect(keeper.heldBytes).toBe(0)
  })

  test('writes in batches, some time after, and keeps its own copy of what its owner gives back', async () => {
    const { keeper, batches, clock, find } = stage()
    const body = Buffer.from('{"a":"before"}')
    const note = keeper.note(head('req_0'), body)
    body.fill(0)
    note?.end()
    for (let place = 1; place < 150; place += 1) keeper.note(head(`req_${place}`), Buffer.from('{}'))?.end()
    expect(batches).toEqual([])
    clock.advance(200)
    await expect.poll(() => batches).toEqual([100, 50])
    const found = await find('req_0')
    expect(found.type === 'kept' && found.bodies.request).toMatchObject({
      body: Buffer.from('{"a":"before"}'),
    })
  })

  test('waits for a store that is away, gives up what is too much, counts it and tells once a minute', async () => {
    const { keeper, kept, notices, state, clock } = stage()
    state.isAway = true
    const body = Buffer.alloc(BODY_BYTES, 97)
    const fits = WAITING_BYTES_MAX / BODY_BYTES
    const notes = Array.from({ length: fits + 3 }, (_, place) => keeper.note(head(`req_${place}`), body))
    expect(notes.filter((note) => note === undefined)).toHaveLength(3)
    for (const note of notes) {
      // There is no room for an answer either: all of it is given up.
      if (note === notes[0]) note?.add(Buffer.from('x'))
      note?.end()
    }
    expect(notices.map(({ name, facts }) => [name, facts])).toEqual([['bodies_dropped', { dropped: 1 }]])
    clock.advance(200)
    await expect.poll(() => clock.pendingTimers).toBe(1)
    expect(kept.size).toBe(0)
    state.isAway = false
    clock.advance(60_000)
    await expect.poll(() => kept.size, { timeout: 20_000 }).toBe(fits - 1)
    expect(keeper.heldBytes).toBe(0)
    await keeper.stop()
    expect(notices.at(-1)?.facts).toEqual({ dropped: 3 })
  })

  test('writes what waits when it stops, and takes nothing afterwards', async () => {
    const { keeper, kept } = stage()
    keeper.note(head('req_1'), Buffer.from('{}'))?.end()
    await keeper.stop()
    expect([...kept.keys()]).toEqual(['req_1'])
    expect(keeper.note(head('req_2'), Buffer.from('{}'))).toBeUndefined()
  })

  test('sweeps as soon as much was written, by the bytes that are allowed', async () => {
    const { keeper, sweeps } = stage({ bytes: 1024 ** 2 })
    keeper.note(head('req_1'), Buffer.alloc(100_000, 97))?.end()
    await keeper.deliver()
    expect(sweeps).toEqual([1024 ** 2])
  })
})
