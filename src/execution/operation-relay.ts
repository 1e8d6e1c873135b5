/** Brings the answer to an operation to its client: JSON read whole, judged and counted; anything else as it comes. */

import type { Usage } from '../canonical/usage.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import { usageOf } from './answer-facts.ts'
import { isFreeOperation } from './attempt-money.ts'
import type { OperationCall } from './operation-call.ts'
import { OperationStream } from './operation-stream.ts'
import { readWhole } from './read-whole.ts'
import type { Committed, RelayContext } from './relay-context.ts'
import type { Settlement } from './reply.ts'

const JSON_TYPE = /^\s*(?:application|text)\/(?:[\w.-]+\+)?json\s*(?:;|$)/i

export async function relayOperation(context: RelayContext, call: OperationCall): Promise<Committed> {
  const contentType = context.response.headers['content-type']
  const isContent = call.spec.pathEnd !== undefined && call.spec.answer === 'any'
  if (call.spec.answer === 'any' && (isContent || !JSON_TYPE.test(contentType ?? '')))
    return relayStream(context, call, contentType)
  return relayWhole(context, call, contentType)
}

async function relayStream(
  context: RelayContext,
  call: OperationCall,
  contentType: string | undefined,
): Promise<Committed> {
  const isEvents = /^\s*text\/event-stream/i.test(contentType ?? '')
  const stream = new OperationStream(context, call, isEvents)
  await stream.open()
  context.commit()
  return {
    contentType: contentType ?? 'application/octet-stream',
    body: stream,
    losses: call.losses,
    settled: stream.settled,
    close: () => {},
  }
}

async function relayWhole(
  context: RelayContext,
  call: OperationCall,
  contentType: string | undefined,
): Promise<Committed> {
  const { response, attempt } = context
  const answer = call.readAnswer(await readWhole(response))
  context.commit()
  attempt.markFirstToken()
  attempt.complete({ ...endOf(call, response, answer.usage), flags: [] })
  context.onIds(answer.ids)
  const { promise, resolve } = Promise.withResolvers<Settlement>()
  const bodyBytes = answer.body.length
  return {
    contentType: call.isTranslated ? 'application/json' : (contentType ?? 'application/json'),
    body: answer.body,
    losses: call.losses,
    settled: promise,
    close: (isTaken) =>
      resolve({ state: isTaken ? 'completed' : 'client_gone', bodyBytes, ...usageOf(answer) }),
  }
}

/** What keeps files and batches costs nothing; everything else does, whether or not the provider says what. */
export function endOf({ spec }: OperationCall, { status }: UpstreamResponse, usage: Usage | undefined) {
  return { hasBegun: !isFreeOperation(spec), status, ...usageOf({ usage }) }
}
