/** Cohere's chat, version 2: a dialect that providers speak and clients do not. */

import { capFields } from '../cap-output.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { TargetDialect } from '../dialect.ts'
import { readError } from '../openai-chat/read-error.ts'
import { DIALECT } from './dialect-id.ts'
import { readResult } from './read-result.ts'
import { CohereStreamReader } from './stream-reader.ts'
import { writeRequest } from './write-request.ts'

export const cohereChat: TargetDialect = {
  id: DIALECT,
  streamFraming: 'sse',
  writeRequest,
  path({ operation }) {
    if (operation === 'chat') return '/chat'
    throw new GatewayError('not_supported', `The Cohere chat API has no operation "${operation}".`)
  },
  capOutput: (fields, tokens) => capFields(fields, tokens, [['max_tokens']]),
  requestHeaders: {},
  readResult,
  createStreamReader: () => new CohereStreamReader(),
  // `{message, id}` is one of the many shapes that reader knows.
  readError,
}
