/** Ollama's own chat: a dialect that providers speak and clients do not. */

import { capFields } from '../cap-output.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { TargetDialect } from '../dialect.ts'
import { readError } from '../openai-chat/read-error.ts'
import { DIALECT } from './dialect-id.ts'
import { readResult } from './read-result.ts'
import { OllamaStreamReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

export const ollamaChat: TargetDialect = {
  id: DIALECT,
  streamFraming: 'ndjson',
  writeRequest,
  path({ operation }) {
    if (operation === 'chat') return '/chat'
    throw new GatewayError('not_supported', `The Ollama chat API has no operation "${operation}".`)
  },
  capOutput: (fields, tokens) => capFields(fields, tokens, [['options', 'num_predict']]),
  requestHeaders: {},
  readResult,
  createStreamReader: () => new OllamaStreamReader(),
  // `{error: "..."}` is one of the many shapes that reader knows.
  readError,
}
