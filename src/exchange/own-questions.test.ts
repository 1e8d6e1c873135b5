import { describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createOwnQuestions } from './own-questions.ts'
import { client, plainReply } from './recall.test-support.ts'

const clock = new ManualClock()
const questions = createOwnQuestions(clock)

function asking(answer: (exchange: Exchange) => Promise<Reply>) {
  const { exchange, leave } = client({ headers: { 'idempotency-key': 'k', 'x-holdfast-tags': 'a' } })
  const serve = vi.fn(answer)
  const inBody = { endUser: 'ada' }
  return { asking: { exchange: { ...exchange, tenant: 'laptop', inBody }, serve }, serve, leave }
}

const says = (content: string) =>
  plainReply(
    JSON.stringify({
      id: 'c',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    }),
  )
const embedding = (value: unknown) => plainReply(JSON.stringify({ data: [{ embedding: value }] }))

describe('an embedding of our own', () => {
  test('is asked of the named route for the same caller, outside of every cache and journal', async () => {
    const { asking: by, serve } = asking(async () => embedding([1, 2]))
    expect(await questions.embed('hi', 'near/embed', by)).toEqual(new Float32Array([1, 2]))
    const [own] = serve.mock.calls[0] ?? []
    expect(own).toMatchObject({
      operation: 'embeddings',
      tenant: 'laptop',
      inBody: { endUser: 'ada' },
      envelope: { modelId: 'near/embed' },
    })
    expect(own?.headers).toMatchObject({ 'x-holdfast-cache': 'off', 'x-holdfast-tags': 'a' })
    expect(own?.headers['idempotency-key']).toBeUndefined()
    expect(JSON.parse(Buffer.from(own?.body ?? []).toString())).toMatchObject({ input: 'hi' })
    expect(own?.id).toBe(`${by.exchange.id}_embed`)
  })

  test.each([[[]], [['a']], ['AAAA'], [undefined]])(
    'that is no list of numbers is an error: %j',
    async (value) => {
      const { asking: by } = asking(async () => embedding(value))
      await expect(questions.embed('hi', 'near/embed', by)).rejects.toMatchObject({
        code: 'upstream_bad_response',
      })
    },
  )

  test('is given up after a while, or when its client leaves, and leaves no timer', async () => {
    const signals: Exchange['signal'][] = []
    const hang = ({ signal }: Exchange) => {
      signals.push(signal)
      return new Promise<Reply>((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      )
    }
    const slow = questions.embed('hi', 'near/embed', asking(hang).asking)
    clock.advance(2_000)
    await expect(slow).rejects.toMatchObject({ code: 'deadline_exceeded' })
    const left = asking(hang)
    const waiting = questions.embed('hi', 'near/embed', left.asking)
    left.leave()
    await expect(waiting).rejects.toMatchObject({ code: 'client_gone' })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a second opinion', () => {
  test.each([
    ['yes', true],
    [' Yes.', true],
    ['no', false],
    ['yes and no', false],
    ['Not yes', false],
    ['-', false],
  ])('%j is %s', async (word, expected) => {
    const { asking: by, serve } = asking(async () => says(word))
    expect(await questions.verify({ asked: 'a', answered: 'b' }, 'near/judge', by)).toBe(expected)
    expect(serve.mock.calls[0]?.[0]).toMatchObject({ operation: 'chat', envelope: { stream: false } })
  })

  test('that fails is an error', async () => {
    const error = new GatewayError('overloaded', 'full')
    const { asking: by } = asking(() => Promise.reject(error))
    await expect(questions.verify({ asked: 'a', answered: 'b' }, 'near/judge', by)).rejects.toBe(error)
  })
})
