/** The Converse API of Amazon Bedrock: one form for the models of many makers. Only providers speak it. */

import { capFields } from '../cap-output.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { CallAddress, TargetDialect } from '../dialect.ts'
import { readError } from './read-error.ts'
import { readResult, readTokenCount } from './read-result.ts'
import { createStreamReader } from './stream-reader.ts'
import { writeCountRequest } from './write-count-request.ts'
import { writeRequest } from './write-request.ts'

export const bedrockConverse: TargetDialect = {
  id: 'bedrock-converse',
  streamFraming: 'eventstream',
  writeRequest,
  writeCountRequest,
  path: ({ operation, modelId, stream }) =>
    `/model/${encodeURIComponent(modelId)}/${verb(operation, stream)}`,
  capOutput: (fields, tokens) => capFields(fields, tokens, [['inferenceConfig', 'maxTokens']]),
  requestHeaders: {},
  readResult,
  readTokenCount,
  createStreamReader,
  readError,
}

function verb(operation: CallAddress['operation'], stream: boolean): string {
  if (operation === 'chat') return stream ? 'converse-stream' : 'converse'
  if (operation === 'count-tokens') return 'count-tokens'
  throw new GatewayError('not_supported', `The Converse API has no operation "${operation}".`)
}
