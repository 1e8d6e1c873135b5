/** Google's Gemini API, both faces: contents of parts, a model that is named by the path, and streams without a last word. */

import { capFields } from '../cap-output.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { CallAddress, Dialect } from '../dialect.ts'
import { readError } from '../openai-chat/read-error.ts'
import { DIALECT } from './fields.ts'
import { GeminiFolder } from './folder.ts'
import { GeminiPassthrough } from './passthrough.ts'
import { patchRequest } from './patch-request.ts'
import { peek } from './peek.ts'
import { readRequest } from './read-request.ts'
import { readResult, readTokenCount } from './read-result.ts'
import { modelResource } from './resource-name.ts'
import { resumeStream } from './resume-stream.ts'
import { GeminiStreamReader } from './stream-reader.ts'
import { GeminiStreamWriter } from './stream-writer.ts'
import { writeError, writeStreamError } from './write-error.ts'
import { writeCountRequest, writeRequest } from './write-request.ts'
import { writeResult } from './write-result.ts'

export const gemini: Dialect = {
  id: DIALECT,
  streamFraming: 'sse',
  peek,
  readRequest,
  writeRequest,
  writeCountRequest,
  path,
  capOutput: (fields, tokens) =>
    capFields(fields, tokens, [
      ['generationConfig', 'maxOutputTokens'],
      ['generationConfig', 'max_output_tokens'],
      ['generation_config', 'max_output_tokens'],
    ]),
  requestHeaders: {},
  patchRequest,
  // What a client's SDK says of itself, and the session; never the project that is billed.
  forwardedHeaders: ['x-goog-api-client', 'user-agent', 'x-session-id', 'x-session-affinity'],
  readResult,
  readTokenCount,
  createStreamReader: (options) => new GeminiStreamReader(options),
  createPassthrough: (options) => new GeminiPassthrough(options),
  createFolder: (options) => new GeminiFolder(options),
  readError,
  writeResult,
  createStreamWriter: (options) => new GeminiStreamWriter(options),
  resumeStream,
  writeError,
  writeTokenCount: (tokens) => JSON.stringify({ totalTokens: tokens }),
  writeStreamError,
  // Google's SDK ends a line of an event at any blank line, and reads a comment as no event.
  heartbeat: ': keep-alive\r\n\r\n',
}

function path({ operation, modelId, stream }: CallAddress): string {
  const { kind, name } = modelResource(modelId)
  const model = `/${kind}/${encodeURIComponent(name)}`
  switch (operation) {
    case 'chat':
      return stream ? `${model}:streamGenerateContent?alt=sse` : `${model}:generateContent`
    case 'count-tokens':
      return `${model}:countTokens`
    default:
      throw new GatewayError('not_supported', `The Gemini API has no operation "${operation}" here.`)
  }
}
