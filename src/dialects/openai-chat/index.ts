/** OpenAI's chat completions, and everything that calls itself compatible with them. */

import { readOpenaiAttribution } from '../body-attribution.ts'
import { capFields } from '../cap-output.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Dialect } from '../dialect.ts'
import { OPENAI_TELLING } from '../telling-headers.ts'
import { OpenaiChatFolder } from './folder.ts'
import { OpenaiChatPassthrough } from './passthrough.ts'
import { patchRequest } from './patch-request.ts'
import { peek } from './peek.ts'
import { readError } from './read-error.ts'
import { readRequest } from './read-request.ts'
import { readResult } from './read-result.ts'
import { resumeStream } from './resume-stream.ts'
import { OpenaiChatStreamReader } from './stream-reader.ts'
import { OpenaiChatStreamWriter } from './stream-writer.ts'
import { writeContinuation } from './write-continuation.ts'
import { writeError, writeStreamError } from './write-error.ts'
import { writeRequest } from './write-request.ts'
import { writeResult } from './write-result.ts'

export const openaiChat: Dialect = {
  id: 'openai-chat',
  peek,
  readRequest,
  readAttribution: readOpenaiAttribution,
  writeRequest,
  writeContinuation,
  patchRequest,
  streamFraming: 'sse',
  path({ operation }) {
    if (operation === 'chat') return '/chat/completions'
    throw new GatewayError('not_supported', `The OpenAI chat API has no operation "${operation}".`)
  },
  capOutput: (fields, tokens) => capFields(fields, tokens, [['max_tokens'], ['max_completion_tokens']]),
  requestHeaders: {},
  // Sessions that providers use to keep a prompt cache warm; never anything that names an account.
  forwardedHeaders: [...OPENAI_TELLING, 'x-session-id', 'x-session-affinity', 'x-grok-conv-id'],
  readResult,
  createStreamReader: (options) => new OpenaiChatStreamReader(options),
  createPassthrough: (options) => new OpenaiChatPassthrough(options),
  createFolder: (options) => new OpenaiChatFolder(options),
  readError,
  writeResult,
  createStreamWriter: (options) => new OpenaiChatStreamWriter(options),
  resumeStream,
  writeError,
  writeStreamError,
  heartbeat: ': keep-alive\n\n',
}
