/** OpenAI's older completions of a prompt: no roles, no tools, one text on from another. */

import { readOpenaiAttribution } from '../body-attribution.ts'
import { capFields } from '../cap-output.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Dialect } from '../dialect.ts'
import { patchRequest } from '../openai-chat/patch-request.ts'
import { readError } from '../openai-chat/read-error.ts'
import { resumePlainStream } from '../openai-chat/resume-stream.ts'
import { writeError, writeStreamError } from '../openai-chat/write-error.ts'
import { OPENAI_TELLING } from '../telling-headers.ts'
import { DIALECT } from './dialect-id.ts'
import { CompletionsFolder } from './folder.ts'
import { CompletionsPassthrough } from './passthrough.ts'
import { peek } from './peek.ts'
import { readRequest } from './read-request.ts'
import { readResult } from './read-result.ts'
import { refuseTranslation } from './refuse-translation.ts'
import { CompletionsStreamReader } from './stream-reader.ts'
import { CompletionsStreamWriter } from './stream-writer.ts'
import { writeRequest } from './write-request.ts'
import { writeResult } from './write-result.ts'

export const openaiCompletions: Dialect = {
  id: DIALECT,
  peek,
  readRequest,
  readAttribution: readOpenaiAttribution,
  refuseTranslation,
  writeRequest,
  patchRequest,
  streamFraming: 'sse',
  path({ operation }) {
    if (operation === 'chat') return '/completions'
    throw new GatewayError('not_supported', `The OpenAI completions API has no operation "${operation}".`)
  },
  capOutput: (fields, tokens) => capFields(fields, tokens, [['max_tokens']]),
  requestHeaders: {},
  forwardedHeaders: [...OPENAI_TELLING, 'x-session-id', 'x-session-affinity'],
  readResult,
  createStreamReader: (options) => new CompletionsStreamReader(options),
  createPassthrough: (options) => new CompletionsPassthrough(options),
  createFolder: (options) => new CompletionsFolder(options),
  readError,
  writeResult,
  createStreamWriter: (options) => new CompletionsStreamWriter(options),
  resumeStream: (delivered, options) =>
    resumePlainStream(
      { reader: new CompletionsStreamReader(), writer: new CompletionsStreamWriter(options) },
      delivered,
      options,
    ),
  writeError,
  writeStreamError,
  heartbeat: ': keep-alive\n\n',
}
