/** Batches in OpenAI's words: a file of requests in, a file of answers out. */

import { jsonSteps, refuse, type SimulatedCall } from '../call.ts'
import { plainRefusal } from '../refusal.ts'
import type { KeptBatch } from '../shelf.ts'
import type { Step } from '../step.ts'
import { isJsonObject, objectOf, parseJson, stringOf } from '../../std/json.ts'
import { fieldMissing, nothingHere } from './nothing-here.ts'

/** Requests of one batch that are answered. */
export const REQUESTS_MAX = 1_000

export function answerOpenAiBatches(call: SimulatedCall): readonly Step[] {
  const { method, path } = call.head
  const match = /\/batches(?:\/([^/?]+))?(\/cancel)?(?:\?|$)/.exec(path)
  const id = match?.[1]
  if (id === undefined) return method === 'POST' ? order(call) : list(call)
  const batch = call.shelf.batches.get(id)
  if (batch === undefined)
    return refuse(call, plainRefusal(404, `No batch found with id '${id.slice(0, 100)}'.`))
  if (match?.[2] === undefined) return jsonSteps(call, described(batch, stateOf(batch)))
  if (method !== 'POST') return nothingHere(call)
  const cancelled = { ...batch, isCancelled: true }
  call.shelf.keepBatch(cancelled)
  return jsonSteps(call, described(cancelled, 'cancelling'))
}

function order(call: SimulatedCall): readonly Step[] {
  const { fields } = call.request
  const inputId = stringOf(fields['input_file_id'])
  if (inputId === undefined) return fieldMissing(call, 'input_file_id')
  const input = call.shelf.files.get(inputId)
  if (input === undefined)
    return refuse(call, plainRefusal(400, `No such File object: ${inputId.slice(0, 100)}`))
  const createdSeconds = Math.floor(call.wallMs / 1000)
  const outputFileId = call.ids.next('file-')
  const lines = Buffer.from(input.bytes).toString().split('\n').slice(0, REQUESTS_MAX)
  const answered = lines.flatMap((line) => answeredLine(call, line))
  call.shelf.keepFile({
    id: outputFileId,
    filename: 'output.jsonl',
    mediaType: 'application/jsonl',
    purpose: 'batch_output',
    createdSeconds,
    bytes: Buffer.from(answered.join('')),
  })
  const batch = {
    id: call.ids.next('batch_'),
    createdSeconds,
    order: fields,
    count: answered.length,
    outputFileId,
    isCancelled: false,
  }
  call.shelf.keepBatch(batch)
  return jsonSteps(call, described(batch, 'validating'))
}

/** `{custom_id, method, url, body}` -> a line with the answer to it. */
function answeredLine(call: SimulatedCall, line: string): readonly string[] {
  const asked = parseJson(line)
  if (!isJsonObject(asked)) return []
  const body = call.ask(stringOf(asked['url']) ?? '', objectOf(asked['body']) ?? {})
  const response = { status_code: 200, request_id: call.ids.next('req_'), body }
  const id = call.ids.next('batch_req_')
  return [
    `${JSON.stringify({ id, custom_id: stringOf(asked['custom_id']) ?? null, response, error: null })}\n`,
  ]
}

function list(call: SimulatedCall): readonly Step[] {
  const batches = [...call.shelf.batches.values()].filter(({ id }) => id.startsWith('batch_'))
  const data = batches.map((batch) => described(batch, stateOf(batch)))
  return jsonSteps(call, { object: 'list', data, has_more: false })
}

type BatchStatus = 'validating' | 'completed' | 'cancelling' | 'cancelled'

function stateOf({ isCancelled }: KeptBatch): BatchStatus {
  return isCancelled ? 'cancelled' : 'completed'
}

/** Texts by name, and nothing else: a stranger wrote them. */
function metadataOf({ metadata }: KeptBatch['order']): object | null {
  const texts = Object.entries(objectOf(metadata) ?? {}).filter(([, value]) => typeof value === 'string')
  return metadata === undefined ? null : Object.fromEntries(texts)
}

function described(
  { id, createdSeconds, order: ordered, count, outputFileId }: KeptBatch,
  status: BatchStatus,
): object {
  const isDone = status === 'completed'
  const isCancelled = status === 'cancelling' || status === 'cancelled'
  return {
    id,
    object: 'batch',
    endpoint: stringOf(ordered['endpoint']) ?? null,
    errors: null,
    input_file_id: ordered['input_file_id'],
    completion_window: stringOf(ordered['completion_window']) ?? '24h',
    status,
    output_file_id: isDone ? outputFileId : null,
    error_file_id: null,
    created_at: createdSeconds,
    in_progress_at: isDone ? createdSeconds : null,
    expires_at: createdSeconds + 86_400,
    finalizing_at: isDone ? createdSeconds : null,
    completed_at: isDone ? createdSeconds : null,
    failed_at: null,
    expired_at: null,
    cancelling_at: isCancelled ? createdSeconds : null,
    cancelled_at: status === 'cancelled' ? createdSeconds : null,
    request_counts: { total: isDone ? count : 0, completed: isDone ? count : 0, failed: 0 },
    metadata: metadataOf(ordered),
  }
}
