/** Reads `/status` of an admin listener: bounded in time and size, without following anything elsewhere. */

import { get, type IncomingMessage } from 'node:http'
import type { StatusReport } from '../http/operator-view.ts'
import { isJsonObject, parseJson } from '../std/json.ts'

/** Limit of the whole asking, ms. */
const ASK_MS = 5_000
/** A report of the most targets that are told. */
const REPORT_BYTES_MAX = 16 * 1024 ** 2

export type FetchedStatus =
  | { readonly type: 'report'; readonly report: StatusReport }
  | { readonly type: 'unreachable'; readonly reason: string }

/** Of the listener at this origin. Never rejects. */
export function fetchStatus(origin: string): Promise<FetchedStatus> {
  return new Promise((resolve) => {
    const fail = (reason: string) => resolve({ type: 'unreachable', reason })
    const request = get(`${origin}/status`, { agent: false, signal: AbortSignal.timeout(ASK_MS) })
    request.on('error', (error) => fail(reasonOf(error)))
    request.on('response', (response) => {
      readText(response).then(
        (text) => resolve(judge(response.statusCode, text)),
        (error: unknown) => fail(reasonOf(error)),
      )
    })
  })
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    // No encoding is set, so chunks are buffers.
    const buffer = chunk as Buffer
    bytes += buffer.length
    if (bytes > REPORT_BYTES_MAX) throw new Error('its answer is too long')
    chunks.push(buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function judge(status: number | undefined, text: string): FetchedStatus {
  const value = parseJson(text)
  if (status !== 200) return { type: 'unreachable', reason: `it answers ${status}` }
  if (!isReport(value)) return { type: 'unreachable', reason: 'what answers is no Holdfast' }
  return { type: 'report', report: value }
}

/** Enough to tell our own listener from anything else that may answer there. */
function isReport(value: unknown): value is StatusReport {
  return (
    isJsonObject(value) &&
    typeof value['version'] === 'string' &&
    typeof value['state'] === 'string' &&
    isJsonObject(value['process']) &&
    isJsonObject(value['config']) &&
    Array.isArray(value['targets']) &&
    Array.isArray(value['gates'])
  )
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return `no answer within ${ASK_MS} ms`
  return 'code' in error ? String(error.code) : error.message
}
