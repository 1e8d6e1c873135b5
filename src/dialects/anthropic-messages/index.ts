/**
 * Anthropic's Messages API, both faces. Speaks version 2023-06-01 to providers, which every one of them serves; a client
 * of a newer version passes through with its own version header.
 */

import { capOutput } from './cap-output.ts'
import { capSearches } from './cap-searches.ts'
import type { Dialect } from '../dialect.ts'
import { ANTHROPIC_TELLING } from '../telling-headers.ts'
import { DIALECT } from './dialect-id.ts'
import { createFolder } from './folder.ts'
import { createPassthrough } from './passthrough.ts'
import { patchRequest } from './patch-request.ts'
import { peek } from './peek.ts'
import { readAttribution } from './read-attribution.ts'
import { readError } from './read-error.ts'
import { readRequest } from './read-request.ts'
import { readResult, readTokenCount } from './read-result.ts'
import { resumeStream } from './resume-stream.ts'
import { refuseSafeguards } from './safeguards.ts'
import { createStreamReader } from './stream-reader.ts'
import { createStreamWriter } from './stream-writer.ts'
import { refuseThread } from './thread.ts'
import { writeError, writeStreamError } from './write-error.ts'
import { writeContinuation } from './write-continuation.ts'
import { writeCountRequest } from './write-count-request.ts'
import { writeRequest } from './write-request.ts'
import { writeResult } from './write-result.ts'

export const anthropicMessages: Dialect = {
  id: DIALECT,
  peek,
  readRequest,
  readAttribution,
  refuseTranslation: (request) => refuseThread(request) ?? refuseSafeguards(request),
  writeRequest,
  writeContinuation,
  writeCountRequest,
  patchRequest,
  streamFraming: 'sse',
  path: ({ operation }) => (operation === 'count-tokens' ? '/messages/count_tokens' : '/messages'),
  capOutput,
  capSearches,
  requestHeaders: { 'anthropic-version': '2023-06-01' },
  // What the client says of itself and of the features it wants; never its key.
  forwardedHeaders: [
    ...ANTHROPIC_TELLING,
    'anthropic-dangerous-direct-browser-access',
    'user-agent',
    'x-app',
    'x-claude-code-session-id',
    'x-stainless-*',
  ],
  readResult,
  readTokenCount,
  createStreamReader,
  createPassthrough,
  createFolder,
  readError,
  writeResult,
  createStreamWriter,
  resumeStream,
  writeTokenCount: (tokens) => JSON.stringify({ input_tokens: tokens }),
  writeError,
  writeStreamError,
  heartbeat: 'event: ping\ndata: {"type": "ping"}\n\n',
}
