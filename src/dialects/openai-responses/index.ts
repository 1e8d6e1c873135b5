/** OpenAI's Responses API: items in, items out, and events that number themselves. */

import { readOpenaiAttribution } from '../body-attribution.ts'
import { capFields } from '../cap-output.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Dialect } from '../dialect.ts'
import { readError } from '../openai-chat/read-error.ts'
import { OPENAI_TELLING } from '../telling-headers.ts'
import { conversation } from './conversation.ts'
import { ResponsesFolder } from './folder.ts'
import { ResponsesPassthrough } from './passthrough.ts'
import { patchRequest } from './patch-request.ts'
import { peek } from './peek.ts'
import { readRequest } from './read-request.ts'
import { readResult } from './read-result.ts'
import { readEcho } from './response-object.ts'
import { resumeStream } from './resume-stream.ts'
import { ResponsesStreamReader } from './stream-reader.ts'
import { ResponsesStreamWriter } from './stream-writer.ts'
import { readTokenCount, writeTokenCount } from './token-count.ts'
import { writeCountRequest } from './write-count-request.ts'
import { writeError, writeStreamError } from './write-error.ts'
import { writeRequest } from './write-request.ts'
import { writeResult } from './write-result.ts'

export const openaiResponses: Dialect = {
  id: 'openai-responses',
  streamFraming: 'sse',
  peek,
  readRequest: (body) => readRequest(body),
  readAttribution: readOpenaiAttribution,
  conversation,
  readEcho,
  writeRequest,
  writeCountRequest,
  path({ operation }) {
    if (operation === 'chat') return '/responses'
    if (operation === 'count-tokens') return '/responses/input_tokens'
    throw new GatewayError('not_supported', `The OpenAI Responses API has no operation "${operation}".`)
  },
  capOutput: (fields, tokens) => capFields(fields, tokens, [['max_output_tokens']]),
  requestHeaders: {},
  patchRequest,
  // Sessions that providers use to keep a prompt cache warm, and what Codex says of itself; never an account.
  forwardedHeaders: [
    ...OPENAI_TELLING,
    'x-session-id',
    'x-session-affinity',
    'x-grok-conv-id',
    'session-id',
    'session_id',
    'thread-id',
    'conversation_id',
    'x-client-request-id',
    'originator',
    'version',
    'x-codex-beta-features',
    'x-codex-window-id',
  ],
  readResult,
  readTokenCount,
  createStreamReader: () => new ResponsesStreamReader(),
  createPassthrough: (options) => new ResponsesPassthrough(options),
  createFolder: () => new ResponsesFolder(),
  readError,
  writeResult,
  createStreamWriter: (options) => new ResponsesStreamWriter(options),
  resumeStream,
  writeError,
  writeTokenCount,
  writeStreamError,
  heartbeat: ': keep-alive\n\n',
}
