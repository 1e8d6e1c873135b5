/** What goes wrong, as the official SDKs tell it to their users: which class, with what facts, after how many tries. */

import OpenAI from 'openai'
import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStage, rejectionOf, type Stage, UPSTREAMS } from '../support/clients.ts'
import { SDK_FACES, type SdkFace } from '../support/sdk-faces.ts'

/** An API error of either SDK; both carry these. */
type ApiError = InstanceType<typeof OpenAI.APIError> | InstanceType<typeof Anthropic.APIError>

const FAULTS: Readonly<Record<string, string>> = {
  bad: 'unsupported-parameter(parameter=temperature)',
  missing: 'model-not-found',
  limited: 'rate-limit(after=7)',
  overloaded: 'overloaded',
  down: 'status-503',
  long: 'context-length',
}

let stage: Stage
beforeAll(async () => {
  const names = Object.keys(FAULTS)
  stage = await openStage({
    scenario: {
      // Slow enough that what comes before a break is on its way when the stream breaks.
      pace: { perTokenMs: 5, tokensPerChunk: 1 },
      faults: [
        ...names.map((name) => ({ fault: FAULTS[name] ?? '', model: `${name}*` })),
        { fault: 'error-after-content(token=4,error=overloaded)', model: 'breaks*' },
        { fault: 'cut-stream(token=4,by=rst)', model: 'cut*' },
        { fault: 'rate-limit(after=none,ms=40)', model: 'recovers-429*', times: 4 },
        { fault: 'status-503', model: 'recovers-503*', times: 3 },
      ],
    },
    config: {
      // One try only, so that the SDK's own retries can be told from the gateway's.
      routes: Object.fromEntries(
        SDK_FACES.flatMap(({ name }) => UPSTREAMS.map((upstream) => [name, upstream] as const)).flatMap(
          ([face, upstream]) =>
            [...names, 'breaks', 'cut', 'recovers-429', 'recovers-503'].map((fault) => {
              const model = `${fault}-${face.replace(/\W/g, '')}`
              return [`${upstream}-${model}`, { targets: [`${upstream}/${model}`], retries: 0 }] as const
            }),
        ),
      ),
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

const routeOf = (upstream: string, fault: string, { name }: SdkFace) =>
  `${upstream}-${fault}-${name.replace(/\W/g, '')}`

/** The error, once it is known to be one of the SDK's own. */
async function failure(face: SdkFace, promise: Promise<unknown>): Promise<ApiError> {
  const error = await rejectionOf(promise)
  if (error instanceof face.errors.APIError) return error
  throw new Error('this is no error of the SDK', { cause: error })
}

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += piece
  return text
}

describe.each(
  SDK_FACES.flatMap((face) => UPSTREAMS.map((upstream) => ({ face, upstream, name: face.name }))),
)('$name over a provider that speaks $upstream', ({ face, upstream }) => {
  const ask = (fault: string, maxRetries = 0) =>
    failure(face, face.ask(stage, { model: routeOf(upstream, fault, face), options: { maxRetries } }))

  test('400: raises BadRequestError with the words of the provider, and does not try again', async () => {
    const before = stage.simulator.calls.length
    const error = await ask('bad', 3)
    expect(error).toBeInstanceOf(face.errors.BadRequestError)
    expect(error.message).toContain("'temperature' is not supported")
    expect(error.requestID).toMatch(/.+/)
    expect(stage.simulator.calls.length).toBe(before + 1)
  })

  test('400: raises BadRequestError for a prompt beyond the context of the model', async () => {
    expect(await ask('long', 3)).toBeInstanceOf(face.errors.BadRequestError)
  })

  test('400: raises BadRequestError for what the gateway itself cannot read, and names the field', async () => {
    const error = await failure(
      face,
      face.ask(stage, { model: `${upstream}/mock`, extra: { messages: [] }, options: { maxRetries: 3 } }),
    )
    expect(error).toBeInstanceOf(face.errors.BadRequestError)
    expect(error.message).toContain('messages')
    expect(error.headers?.get('x-should-retry')).toBe('false')
  })

  test('404: raises NotFoundError for a model that neither the gateway nor the provider knows', async () => {
    const unknown = await failure(face, face.ask(stage, { model: 'no-such-model' }))
    expect(unknown).toBeInstanceOf(face.errors.NotFoundError)
    expect(await ask('missing', 3)).toBeInstanceOf(face.errors.NotFoundError)
  })

  test('429: raises RateLimitError with the time to wait', async () => {
    const error = await ask('limited')
    expect(error).toBeInstanceOf(face.errors.RateLimitError)
    expect(error.headers?.get('retry-after')).toBe('7')
    expect(error.headers?.get('x-should-retry')).toBe('true')
  })

  test.each(['overloaded', 'down'])('5xx: raises InternalServerError where it is %s', async (fault) => {
    const error = await ask(fault)
    expect(error).toBeInstanceOf(face.errors.InternalServerError)
    expect(error.status).toBe(503)
    expect(error.type).toBe('overloaded_error')
    expect(error.headers?.get('x-should-retry')).toBe('true')
  })

  test('a refused credential of the provider is no 401 of the client, and is not tried again', async () => {
    // On a stage of its own: it shuts out every model behind that credential.
    await using locked = await openStage({ scenario: { faults: [{ fault: 'unauthorized' }] } })
    const asking = { model: `${upstream}/mock`, options: { maxRetries: 3 } }
    const error = await failure(face, face.ask(locked, asking))
    expect(error).toBeInstanceOf(face.errors.InternalServerError)
    expect(error.status).toBe(502)
    expect(error.headers?.get('x-should-retry')).toBe('false')
    expect(locked.simulator.calls).toHaveLength(1)
  })

  test.each(['breaks', 'cut'])(
    'raises an error of the SDK after what has come, where a stream %s',
    async (fault) => {
      let text = ''
      const read = async () => {
        for await (const piece of face.stream(stage, { model: routeOf(upstream, fault, face) })) {
          text += piece
        }
      }
      const error = await failure(face, read())
      expect(text).not.toBe('')
      expect(error.status).toBeUndefined()
      expect(error).not.toBeInstanceOf(face.errors.APIConnectionError)
      expect(error.type).toBe(fault === 'breaks' ? 'overloaded_error' : 'api_error')
    },
  )

  test.each(['recovers-429', 'recovers-503'])(
    'the retries of the SDK get there in the end: %s',
    async (fault) => {
      const asking = { model: routeOf(upstream, fault, face), options: { maxRetries: 5 } }
      expect(await textOf(face.stream(stage, asking))).toContain('simulated answer')
    },
  )
})
