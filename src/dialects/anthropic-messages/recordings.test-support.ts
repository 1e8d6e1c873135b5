/** True recordings of this dialect for the tests of this room: read from beside the repository, where they are. */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { JsonObject } from '../../std/json.ts'

export interface Recording {
  readonly id: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** What the client sent, where it was recorded. */
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
  readonly request: { readonly body?: JsonObject } | null
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>> | null
    readonly body?: JsonObject
    readonly text?: string
    readonly chunk_lens?: readonly number[]
  }
}

function toRecording({ id, request, response }: Line): Recording {
  return {
    id,
    status: response.status,
    headers: response.headers ?? {},
    ...(request?.body === undefined ? {} : { request: request.body }),
    ...(response.body === undefined ? {} : { body: response.body }),
    ...(response.text === undefined ? {} : { stream: Buffer.from(response.text) }),
    ...(response.chunk_lens === undefined ? {} : { chunkLengths: response.chunk_lens }),
  }
}
