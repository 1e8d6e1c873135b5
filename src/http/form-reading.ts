/**
 * Receives a multipart form whole without holding it in memory: its parts are found as they pass, its bytes go to a
 * spool. The model's name may stand behind the file it is about, and a second try needs the form again.
 */

import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import { spooledForm } from '../operations/form-body.ts'
import type { FormBody } from '../operations/operation-request.ts'
import { Spool, SpoolError } from '../std/spool.ts'
import { FormError, FormScanner, formBoundary } from '../wire/multipart.ts'
import { readContentEncoding } from './body-decoder.ts'
import { BodyPace } from './body-pace.ts'
import { type CallPhase, type ClientCall, type StopReason, stopError } from './client-call.ts'
import type { HttpLimits } from './http-limits.ts'
import { noRoom, type SpoolSpace } from './spool-space.ts'

/** Bytes of a form that stay in memory. */
export const FORM_MEMORY_BYTES = 1024 * 1024

export interface ReadFormOptions {
  readonly bytesMax: number
  readonly limits: HttpLimits
  readonly space: SpoolSpace
  /** Told of every byte that is kept in memory; throws where there is no room for it. */
  readonly hold: (bytes: number) => void
}

export function isForm(contentType: string | undefined): boolean {
  return /^\s*multipart\/form-data\b/i.test(contentType ?? '')
}

/**
 * Throws `body_too_large`, `unsupported_media_type`, `request_timeout`, `invalid_request`, `overloaded` or `client_gone`;
 * nothing is left of the form then.
 */
export function readForm(call: ClientCall, options: ReadFormOptions): Promise<FormBody> {
  const { headers } = call.request
  const boundary = formBoundary(headers['content-type'])
  if (boundary === undefined) throw noForm()
  if (readContentEncoding(headers['content-encoding']) !== undefined)
    throw new GatewayError('unsupported_media_type', 'Forms are taken without a content-encoding.')
  if (Number(headers['content-length'] ?? 0) > options.bytesMax) throw formTooLarge(options.bytesMax)
  if (call.expectsContinue) call.response.writeContinue()
  return new Promise((resolve, reject) => {
    call.phase = new FormReading(call, { ...options, boundary }, { resolve, reject })
  })
}

interface Settle {
  readonly resolve: (form: FormBody) => void
  readonly reject: (error: GatewayError) => void
}

interface FormOptions extends ReadFormOptions {
  readonly boundary: string
}

class FormReading implements CallPhase {
  readonly #call: ClientCall
  readonly #options: FormOptions
  readonly #settle: Settle
  readonly #spool = new Spool({ memoryBytesMax: FORM_MEMORY_BYTES })
  readonly #scanner: FormScanner
  readonly #pace: BodyPace
  #bytes = 0
  #heldBytes = 0
  #spaceBytes = 0
  #isSettled = false
  /** The disk is behind: nothing is read until it has caught up, so that silence is ours. */
  #isWaiting = false
  #isWhole = false

  constructor(call: ClientCall, options: FormOptions, settle: Settle) {
    this.#call = call
    this.#options = options
    this.#pace = new BodyPace(options.limits)
    this.#settle = settle
    this.#scanner = new FormScanner({ boundary: options.boundary, fields: ['model'] })
    call.request.on('data', (chunk: Uint8Array) => this.#take(chunk)).on('end', () => this.#end())
  }

  check(nowMs: number): void {
    if (!this.#isWhole && this.#pace.isTooSlow(nowMs) && !this.#isWaiting)
      this.fail(new GatewayError('request_timeout', 'The form arrived too slowly.'))
  }

  stop(reason: StopReason): void {
    this.fail(stopError(reason))
  }

  fail(error: GatewayError): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#call.request.resume()
    this.#giveBack()
    void this.#spool.close()
    this.#settle.reject(error)
  }

  #take(chunk: Uint8Array): void {
    if (this.#isSettled) return
    this.#pace.note(chunk.length)
    this.#bytes += chunk.length
    const { bytesMax } = this.#options
    if (this.#bytes > bytesMax) return this.fail(formTooLarge(bytesMax))
    try {
      this.#account()
      this.#scanner.write(chunk)
      const written = this.#spool.write(chunk)
      if (written !== undefined) this.#wait(written)
    } catch (error) {
      this.fail(refusalOf(error))
    }
  }

  /** Memory up to its bound, disk beyond it. */
  #account(): void {
    const { hold, space } = this.#options
    const heldBytes = Math.min(this.#bytes, FORM_MEMORY_BYTES)
    if (heldBytes > this.#heldBytes) hold(heldBytes - this.#heldBytes)
    this.#heldBytes = heldBytes
    const spaceBytes = this.#bytes - heldBytes
    if (spaceBytes > this.#spaceBytes) space.take(spaceBytes - this.#spaceBytes)
    this.#spaceBytes = spaceBytes
  }

  #wait(written: Promise<void>): void {
    this.#isWaiting = true
    this.#call.request.pause()
    written.then(
      () => {
        this.#isWaiting = false
        if (this.#isWhole) this.#finish()
        else this.#call.request.resume()
      },
      (error) => this.fail(refusalOf(error)),
    )
  }

  #end(): void {
    this.#isWhole = true
    if (!this.#isWaiting) this.#finish()
  }

  #finish(): void {
    if (this.#isSettled) return
    try {
      this.#scanner.end()
    } catch (error) {
      return this.fail(refusalOf(error))
    }
    this.#isSettled = true
    const { boundary } = this.#options
    const contentType = formType(boundary)
    const model = this.#scanner.field('model')
    const onClosed = () => this.#giveBack()
    this.#settle.resolve(spooledForm({ contentType, boundary, spool: this.#spool, model, onClosed }))
  }

  #giveBack(): void {
    this.#options.space.give(this.#spaceBytes)
    this.#spaceBytes = 0
  }
}

/** In our words: of a type that names two boundaries the provider might take the other one, and read another form. */
function formType(boundary: string): string {
  const isWord = /^[\w'+.-]+$/.test(boundary)
  return `multipart/form-data; boundary=${isWord ? boundary : `"${boundary}"`}`
}

function refusalOf(error: unknown): GatewayError {
  if (error instanceof FormError)
    return new GatewayError('invalid_request', `The body is no form that can be used: ${error.message}.`)
  return error instanceof SpoolError ? noRoom(error) : toGatewayError(error)
}

function noForm(): GatewayError {
  return new GatewayError(
    'unsupported_media_type',
    'This operation takes multipart/form-data with a boundary in its content-type.',
  )
}

function formTooLarge(bytesMax: number): GatewayError {
  return new GatewayError(
    'body_too_large',
    `The form is larger than ${bytesMax} bytes; limits.formBytes in holdfast.yaml is the bound.`,
  )
}
