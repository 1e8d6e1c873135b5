/** The two smallest calls that prove a provider usable: a plain completion of a few tokens, and one streamed tool call. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import type { TargetDialect } from '../../dialects/dialect.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Target } from '../../providers/provider.ts'
import type { JsonObject } from '../../std/json.ts'
import { parseJson } from '../../std/json.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../upstream/attempt.ts'

/** Enough for a word, and for the thought that some models spend before it. */
const OUTPUT_TOKENS = 64
/** Bytes of an answer that are read. */
const ANSWER_BYTES_MAX = 1024 ** 2

export interface Caller {
  readonly target: Target
  readonly dialect: TargetDialect
  send(request: UpstreamRequest): Promise<UpstreamResponse>
}

export interface PlainAnswer {
  readonly result: InferenceResult
  /** The provider's `date` header. */
  readonly date?: string
}

/** Asks for one word. Throws GatewayError. */
export async function askForWord(caller: Caller, signal: AbortSignal): Promise<PlainAnswer> {
  const response = await send(caller, { ...tinyRequest(caller), stream: false }, signal)
  const body = Buffer.concat(await chunksOf(response))
  const { date } = response.headers
  return { result: caller.dialect.readResult(body), ...(date !== undefined && { date }) }
}

export interface ToolCallSeen {
  readonly name: string
  readonly hasValidArguments: boolean
  readonly isComplete: boolean
}

/** Asks for a tool call in a stream; `undefined` where the model answered without one. Throws GatewayError. */
export async function askForToolCall(caller: Caller, signal: AbortSignal): Promise<ToolCallSeen | undefined> {
  const request = { ...tinyRequest(caller), ...withTool, stream: true }
  const response = await send(caller, request, signal)
  const reader = caller.dialect.createStreamReader()
  const events: InferenceEvent[] = []
  for (const chunk of await chunksOf(response)) events.push(...reader.read(chunk))
  events.push(...reader.end())
  for (const event of events) if (event.type === 'error') throw event.error
  const start = events.find((event) => event.type === 'tool-call-start')
  if (start === undefined) return undefined
  const written = events.map((event) =>
    event.type === 'tool-call-delta' && event.part === start.part ? event.argumentsDelta : '',
  )
  return {
    name: start.name,
    hasValidArguments: parseJson(written.join('')) !== undefined,
    isComplete: reader.isComplete,
  }
}

function tinyRequest({ target }: Caller): InferenceRequest {
  return {
    modelId: target.modelId,
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'Reply with the single word: ok' }] }],
    stream: false,
    wantsStreamUsage: true,
    maxOutputTokens: OUTPUT_TOKENS,
  }
}

const withTool: Pick<InferenceRequest, 'messages' | 'tools' | 'toolChoice' | 'maxOutputTokens'> = {
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'Call the tool "report" with the word "ok".' }] }],
  tools: [
    {
      kind: 'function',
      name: 'report',
      description: 'Reports one word.',
      parameters: {
        type: 'object',
        properties: { word: { type: 'string' } },
        required: ['word'],
        additionalProperties: false,
      },
    },
  ],
  toolChoice: { type: 'auto' },
  maxOutputTokens: 256,
}

function send(caller: Caller, request: InferenceRequest, signal: AbortSignal): Promise<UpstreamResponse> {
  const { dialect, target } = caller
  const { quirks } = target.provider
  const { fields } = dialect.writeRequest(request, { modelId: target.modelId, stream: request.stream })
  const adapted = quirks.reduce<JsonObject>(
    (current, quirk) => quirk.adaptRequest?.(current) ?? current,
    fields,
  )
  const call = { operation: 'chat', modelId: target.modelId, stream: request.stream } as const
  const path = quirks.reduce(
    (current, quirk) => quirk.adaptPath?.(current, call) ?? current,
    dialect.path(call),
  )
  return caller.send({
    target,
    method: 'POST',
    path,
    headers: { ...dialect.requestHeaders, 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(adapted)),
    stream: request.stream,
    signal,
  })
}

async function chunksOf(response: UpstreamResponse): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    response.markContent()
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX)
      throw new GatewayError('response_too_large', 'The answer to a tiny request is huge.')
    chunks.push(chunk)
  }
  return chunks
}
