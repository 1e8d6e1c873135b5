/** Batches in Anthropic's words: requests in, and the results at an address of their own. */

import { commonHeaders, jsonSteps, refuse, type SimulatedCall } from '../call.ts'
import { plainRefusal, wholeAnswer } from '../refusal.ts'
import type { KeptBatch } from '../shelf.ts'
import type { Step } from '../step.ts'
import { arrayOf, objectOf, stringOf } from '../../std/json.ts'
import { fieldMissing, nothingHere } from './nothing-here.ts'
import { REQUESTS_MAX } from './openai-batches.ts'

export function answerMessageBatches(call: SimulatedCall): readonly Step[] {
  const { method, path } = call.head
  const match = /\/batches(?:\/([^/?]+))?(?:\/(cancel|results))?(?:\?|$)/.exec(path)
  const id = match?.[1]
  if (id === undefined) return method === 'POST' ? order(call) : list(call)
  const batch = call.shelf.batches.get(id)
  if (batch === undefined) return refuse(call, plainRefusal(404, 'Message Batch not found'))
  return answerBatch(call, batch, match?.[2])
}

function answerBatch(call: SimulatedCall, batch: KeptBatch, action: string | undefined): readonly Step[] {
  switch (`${call.head.method} ${action ?? ''}`) {
    case 'GET ':
      return jsonSteps(call, described(call, batch, 'ended'))
    case 'GET results':
      return results(call, batch)
    case 'POST cancel': {
      const cancelled = { ...batch, isCancelled: true }
      call.shelf.keepBatch(cancelled)
      return jsonSteps(call, described(call, cancelled, 'canceling'))
    }
    case 'DELETE ':
      call.shelf.batches.delete(batch.id)
      return jsonSteps(call, { id: batch.id, type: 'message_batch_deleted' })
    default:
      return nothingHere(call)
  }
}

function order(call: SimulatedCall): readonly Step[] {
  const { fields } = call.request
  const count = arrayOf(fields['requests']).length
  if (count === 0) return fieldMissing(call, 'requests')
  const createdSeconds = Math.floor(call.wallMs / 1000)
  const batch = { id: call.ids.next('msgbatch_'), createdSeconds, order: fields, count, isCancelled: false }
  call.shelf.keepBatch(batch)
  return jsonSteps(call, described(call, batch, 'in_progress'))
}

function list(call: SimulatedCall): readonly Step[] {
  const batches = [...call.shelf.batches.values()].filter(({ id }) => id.startsWith('msgbatch_'))
  const data = batches.map((batch) => described(call, batch, 'ended'))
  const [first, last] = [batches[0]?.id ?? null, batches.at(-1)?.id ?? null]
  return jsonSteps(call, { data, has_more: false, first_id: first, last_id: last })
}

function requestsOf({ order: ordered }: KeptBatch) {
  return arrayOf(ordered['requests'])
    .slice(0, REQUESTS_MAX)
    .map((each) => objectOf(each) ?? {})
}

function results(call: SimulatedCall, batch: KeptBatch): readonly Step[] {
  const lines = requestsOf(batch).map(({ custom_id: id, params }) => {
    const message = batch.isCancelled ? undefined : call.ask('/v1/messages', objectOf(params) ?? {})
    const result = message === undefined ? { type: 'canceled' } : { type: 'succeeded', message }
    return `${JSON.stringify({ custom_id: stringOf(id) ?? null, result })}\n`
  })
  const headers = commonHeaders(call)
  return wholeAnswer({ status: 200, contentType: 'application/x-jsonl', headers, body: lines.join('') })
}

type BatchStatus = 'in_progress' | 'canceling' | 'ended'

function described(call: SimulatedCall, batch: KeptBatch, status: BatchStatus): object {
  const { count } = batch
  const isEnded = status === 'ended'
  const done = batch.isCancelled ? { succeeded: 0, canceled: count } : { succeeded: count, canceled: 0 }
  const counts = isEnded ? { processing: 0, ...done } : { processing: count, succeeded: 0, canceled: 0 }
  const createdAt = timeOf(batch.createdSeconds)
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: status,
    request_counts: { ...counts, errored: 0, expired: 0 },
    ended_at: isEnded ? createdAt : null,
    created_at: createdAt,
    expires_at: timeOf(batch.createdSeconds + 86_400),
    archived_at: null,
    cancel_initiated_at: batch.isCancelled ? createdAt : null,
    results_url: isEnded ? resultsUrl(call, batch) : null,
  }
}

/** Absolute, as the provider's is: at the host that was asked. */
function resultsUrl({ head }: SimulatedCall, { id }: KeptBatch): string {
  const base = head.path.slice(0, head.path.indexOf('/messages/batches'))
  return `http://${head.headers['host'] ?? 'simulator.invalid'}${base}/messages/batches/${id}/results`
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
