/** True recordings of this dialect for the tests of this room: read from beside the repository, where they are. */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { JsonObject } from '../../std/json.ts'

export interface Recording {
  readonly id: string
  /** As asked for. */
  readonly modelId: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly request?: JsonObject
  /** A plain answer. */
  readonly body?: JsonObject
  /** A streamed answer. */
  readonly stream?: Buffer
  /** The cuts of the network, where they were recorded. */
  readonly chunkLengths?: readonly number[]
}

const corpus = new URL('../../../../shared/corpus/', import.meta.url)

export const hasRecordings: boolean = existsSync(corpus)

/** Why tests on recordings are skipped, for their titles. */
export const whySkipped: string = hasRecordings ? '' : ' (skipped: no recordings beside the repository)'

export function readRecordings(name: string): readonly Recording[] {
  if (!hasRecordings) return []
  const text = gunzipSync(readFileSync(new URL(`${name}.jsonl.gz`, corpus))).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => toRecording(JSON.parse(line)))
}

/** The corpus's own line format, described in its README. */
interface Line {
  readonly id: string
  readonly model: string | null
  readonly request: { readonly body?: JsonObject } | null
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>> | null
    readonly body?: JsonObject
    readonly base64?: string
    readonly chunk_lens?: readonly number[]
  }
}

function toRecording({ id, model, request, response }: Line): Recording {
  return {
    id,
    modelId: model ?? '',
    status: response.status,
    headers: response.headers ?? {},
    ...(request?.body === undefined ? {} : { request: request.body }),
    ...(response.body === undefined ? {} : { body: response.body }),
    ...(response.base64 === undefined ? {} : { stream: Buffer.from(response.base64, 'base64') }),
    ...(response.chunk_lens === undefined ? {} : { chunkLengths: response.chunk_lens }),
  }
}
