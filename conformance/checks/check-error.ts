/** (c) Every recorded error: classified as the oracle does, and thrown by each official SDK as the error it is. */

import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import type { Dialect } from '../../src/dialects/dialect.ts'
import type { ErrorCode } from '../../src/errors/codes.ts'
import type { GatewayError } from '../../src/errors/gateway-error.ts'
import { officialClients } from '../clients/index.ts'
import type { OfficialClient, SdkError } from '../clients/official-client.ts'
import { recordedError, rightCodes } from '../oracle/error-class.ts'
import type { ErrorReading } from '../oracle/reading.ts'
import { isStreamed } from '../oracle/verdict.ts'
import type { Cell, Outcomes } from '../outcome.ts'
import type { ReadAnswer } from '../read-answer.ts'
import { clientDialects } from '../room.ts'
import type { AnswerCase } from './check-answer.ts'

/** A refusal: a status of 400 or more. */
export async function checkRefusal({ recording, dialect, room, outcomes }: AnswerCase): Promise<void> {
  const { status, headers, bytes } = recording.response
  const error = dialect.readError({ status, headers, body: bytes.subarray(0, 65_536) })
  outcomes.check('error.class', () => faultsOfClass(error.code, recordedError(recording)))
  outcomes.check('error.words', () => faultsOfWords(error))
  await checkTelling({ error, from: dialect.id, outcomes, dialects: room.dialects })
}

/** An error inside a good status, plain or in a stream. */
export async function checkEmbeddedError(
  answer: AnswerCase,
  { read, said }: { readonly read: ReadAnswer; readonly said: ErrorReading },
): Promise<void> {
  const { recording, dialect, outcomes, room } = answer
  const { error } = read
  outcomes.check('error.seen', () => {
    if (error === undefined) return ['an error inside the answer was not seen']
    return isStreamed(recording) && read.isComplete ? ['a stream that holds an error is called whole'] : []
  })
  if (error === undefined) return
  outcomes.check('error.class', () => faultsOfClass(error.code, said))
  await checkTelling({ error, from: dialect.id, outcomes, dialects: room.dialects })
}

function faultsOfClass(code: ErrorCode, said: ErrorReading): readonly string[] {
  const due = rightCodes(said)
  if (due === undefined) return code === 'gateway_error' ? ['classified as a defect of the gateway'] : []
  const { status, type, code: word, message } = said
  return due.includes(code)
    ? []
    : [`${code}, where ${due.join(' or ')} is right (${status} ${type} ${word} "${message.slice(0, 80)}")`]
}

/** Organisations, users and keys of a provider's customers are not for its clients' eyes. */
function faultsOfWords({ message }: GatewayError): readonly string[] {
  if (message.trim() === '') return ['it says nothing']
  const leak = /\borg-\w{6,}|\buser_\w{12,}|\bsk-\w{8,}|\b0{8}-0{4}-0{4}/.exec(message)
  return leak === null ? [] : [`it names ${leak[0]}`]
}

interface Telling {
  readonly error: GatewayError
  readonly from: TargetDialectId
  readonly outcomes: Outcomes
  readonly dialects: ReadonlyMap<string, Dialect>
}

const context = { requestId: 'req_1', attempts: [] }

async function checkTelling({ error, from, outcomes, dialects }: Telling): Promise<void> {
  for (const id of clientDialects) {
    const to = dialects.get(id)
    const sdk = officialClients.get(id)
    if (to === undefined || sdk === undefined) continue
    const cell: Cell = { from, to: id, features: ['errors'] }
    await outcomes.checkLater(`error.to.${id}`, () => faultsOfPlain({ error, to, sdk }), cell)
    await outcomes.checkLater(`error.to.${id}.stream`, () => faultsOfStream({ error, to, sdk }), cell)
  }
}

interface Told {
  readonly error: GatewayError
  readonly to: Dialect
  readonly sdk: OfficialClient
}

async function faultsOfPlain({ error, to, sdk }: Told): Promise<readonly string[]> {
  const thrown = await sdk.readError(error.status, to.writeError(error, context))
  return [
    ...(thrown.status === error.status ? [] : [`the SDK sees status ${thrown.status}, not ${error.status}`]),
    ...(to.id === 'gemini' ? [] : classFaults(thrown, error.status)),
    ...messageFaults(thrown, error),
  ]
}

/** The classes of OpenAI's and Anthropic's SDKs, by status. */
const classes: Readonly<Record<number, RegExp>> = {
  400: /^BadRequestError$/,
  401: /^AuthenticationError$/,
  403: /^PermissionDeniedError$/,
  404: /^NotFoundError$/,
  409: /^ConflictError$/,
  422: /^UnprocessableEntityError$/,
  429: /^RateLimitError$/,
}

/** A newer SDK has a class for each. */
const serverFault =
  /^(InternalServer|ServiceUnavailable|Overloaded|BadGateway|GatewayTimeout|DeadlineExceeded)Error$/

function classFaults({ className }: SdkError, status: number): readonly string[] {
  const due = classes[status] ?? (status >= 500 ? serverFault : /^(APIError|ContentTooLargeError)$/)
  return due.test(className) ? [] : [`the SDK throws ${className} at a ${status}`]
}

function messageFaults(thrown: SdkError, error: GatewayError): readonly string[] {
  const start = JSON.stringify(error.message.slice(0, 40)).slice(1, -1)
  const found =
    thrown.message.includes(error.message.slice(0, 40)) ||
    thrown.message.includes(start) ||
    thrown.message.includes(JSON.stringify(start).slice(1, -1))
  return found
    ? []
    : [`the SDK does not show "${error.message.slice(0, 40)}" but "${thrown.message.slice(0, 120)}"`]
}

async function faultsOfStream({ error, to, sdk }: Told): Promise<readonly string[]> {
  const thrown = await sdk.readStreamError(to.writeStreamError(error, context))
  return thrown === undefined ? ['the SDK takes the error inside a stream for nothing'] : []
}
