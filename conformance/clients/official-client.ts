/** One official SDK as a reader of what the gateway writes: bytes in, what the program would see out. */

import type { DialectId } from '../../src/canonical/envelope.ts'
import type { Reading } from '../oracle/reading.ts'

export interface OfficialClient {
  readonly id: DialectId
  /** Reads a plain answer; throws what the SDK throws. */
  readPlain(body: string): Promise<Reading>
  /** Reads a stream through the SDK's own accumulator where it has one. */
  readStream(text: string): Promise<Reading>
  /** The error the SDK throws at this refusal. */
  readError(status: number, body: string): Promise<SdkError>
  /** The error the SDK throws at a stream that says it; `undefined` where it throws none. */
  readStreamError(text: string): Promise<SdkError | undefined>
}

export interface SdkError {
  /** The class, by name. */
  readonly className: string
  readonly status: number | undefined
  readonly message: string
}

/** What a provider of the SDK's own would answer. */
export interface CannedAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** A `fetch` that dials nobody: it answers with what was laid ready. */
export class CannedFetch {
  #answer: CannedAnswer = { status: 500, contentType: 'text/plain', body: 'Nothing was laid ready.' }

  lay(answer: CannedAnswer): void {
    this.#answer = answer
  }

  plain(body: string): void {
    this.lay({ status: 200, contentType: 'application/json', body })
  }

  stream(body: string): void {
    this.lay({ status: 200, contentType: 'text/event-stream', body })
  }

  refusal(status: number, body: string): void {
    this.lay({ status, contentType: 'application/json', body })
  }

  readonly fetch = async (): Promise<Response> => {
    const { status, contentType, body } = this.#answer
    return new Response(body, { status, headers: { 'content-type': contentType } })
  }
}

/** What a call throws, as an error of its SDK. */
export async function thrownBy(call: () => Promise<unknown>): Promise<SdkError | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    const { status } = error instanceof Error && 'status' in error ? error : { status: undefined }
    return {
      className: error instanceof Error ? error.constructor.name : typeof error,
      status: typeof status === 'number' ? status : undefined,
      message: error instanceof Error ? error.message : String(error),
    }
  }
}

/** As `thrownBy`, where an error is due. */
export async function errorThrownBy(call: () => Promise<unknown>): Promise<SdkError> {
  return (await thrownBy(call)) ?? { className: 'none', status: undefined, message: 'nothing was thrown' }
}
