/**
 * (b) Every recorded answer: read and laid beside the oracle, cut in every way, written for each client dialect both ways,
 * and read back by that dialect's official SDK.
 */

import type { Dialect, TargetDialect, WriteAnswerOptions } from '../../src/dialects/dialect.ts'
import type { Random } from '../../src/std/ids.ts'
import { officialClients } from '../clients/index.ts'
import { schemaFaultsOfPlain, schemaFaultsOfStream } from '../clients/schemas.ts'
import type { Recording } from '../corpus.ts'
import { cuttingsOf } from '../cuts.ts'
import { differences, givesSeveralAnswers } from '../expectation.ts'
import { featuresOfAnswer } from '../features.ts'
import type { Reading } from '../oracle/reading.ts'
import { isStreamed, verdictOf } from '../oracle/verdict.ts'
import type { Cell, Outcomes } from '../outcome.ts'
import { plainEvents, type ReadAnswer, readPlainAnswer, readStreamedAnswer } from '../read-answer.ts'
import { readingOfResult } from '../result-reading.ts'
import { clientDialects, type Room } from '../room.ts'
import { wireBytes } from '../wire-bytes.ts'
import { checkEmbeddedError } from './check-error.ts'
import { checkPassthrough } from './check-passthrough.ts'

export interface AnswerCase {
  readonly recording: Recording
  readonly dialect: TargetDialect
  readonly room: Room
  readonly random: Random
  readonly outcomes: Outcomes
}

export async function checkAnswer(answer: AnswerCase): Promise<void> {
  const { recording, dialect, outcomes } = answer
  const verdict = verdictOf(recording, dialect.id)
  const read = readRecorded(answer)
  if (isStreamed(recording)) checkCuts(answer, read)
  switch (verdict.kind) {
    case 'error':
      return checkEmbeddedError(answer, { read, said: verdict.error })
    case 'foreign':
      return outcomes.check('answer.foreign', () => [])
    case 'none':
      return outcomes.check('answer.none', () => faultsOfNone(read))
    case 'broken':
      return outcomes.check('answer.broken', () =>
        read.isComplete ? ['a stream that broke off is called whole'] : [],
      )
    case 'empty':
      return outcomes.check('answer.empty', () => faultsOfEmpty(read))
    case 'whole':
      return checkWhole(answer, { read, said: verdict.reading })
  }
}

function readRecorded({ recording, dialect }: AnswerCase): ReadAnswer {
  const { bytes } = recording.response
  return isStreamed(recording)
    ? readStreamedAnswer(dialect, [wireBytes(bytes, dialect.streamFraming).bytes])
    : readPlainAnswer(dialect, bytes)
}

/** Not an answer, or not yet: it must not pass for one that says something. */
function faultsOfNone({ error, result }: ReadAnswer): readonly string[] {
  const { candidates } = readingOfResult(result)
  const isSilent = candidates.every(
    ({ text, reasoning, calls }) => text + reasoning === '' && calls.length === 0,
  )
  return error !== undefined || isSilent ? [] : ['something that is no answer was read as one']
}

/** Whole and silent: called empty, or given as the nothing it is where the dialect allows that. */
function faultsOfEmpty(read: ReadAnswer): readonly string[] {
  const isEmptyError = read.error?.code === 'empty_response'
  return isEmptyError || read.error === undefined ? faultsOfNone(read) : [`read as ${read.error.code}`]
}

function checkCuts({ recording, dialect, random, outcomes }: AnswerCase, whole: ReadAnswer): void {
  const { bytes, isOriginal } = wireBytes(recording.response.bytes, dialect.streamFraming)
  const chunkLengths = isOriginal ? recording.response.chunkLengths : undefined
  const events = plainEvents(whole.events)
  for (const { name, chunks } of cuttingsOf(bytes, { random, chunkLengths })) {
    outcomes.check(`cut.${name}`, () =>
      plainEvents(readStreamedAnswer(dialect, chunks).events) === events
        ? []
        : ['cut like this, the stream gives other events than whole'],
    )
  }
}

interface WholeAnswer {
  readonly read: ReadAnswer
  readonly said: Reading
}

async function checkWhole(answer: AnswerCase, whole: WholeAnswer): Promise<void> {
  const { dialect, outcomes, room } = answer
  const { read, said } = whole
  outcomes.check('answer.read', () => faultsOfReading(whole))
  if (isStreamed(answer.recording)) outcomes.check('answer.order', () => faultsOfOrder(read))
  await checkPassthrough(answer, said)
  if (read.error !== undefined) return
  for (const to of room.dialects.values()) {
    // A completion holds nothing but text: only its own dialect's answers are sure to fit.
    const isDue = clientDialects.includes(to.id) || to.id === dialect.id
    if (isDue) await checkWriting(answer, whole, to)
  }
  if (said.candidates.length === 0) outcomes.check('answer.candidates', () => ['there is no candidate'])
}

/** The reader against the oracle, which knows nothing of the reader. */
function faultsOfReading({ read, said }: WholeAnswer): readonly string[] {
  if (read.error !== undefined) return [`read as ${read.error.code}: ${read.error.message.slice(0, 200)}`]
  const seen = readingOfResult(read.result)
  const faults = read.isComplete ? [] : ['a whole stream is called broken']
  return [...faults, ...readerDifferences(said, seen)]
}

function readerDifferences(said: Reading, seen: Reading): readonly string[] {
  const proofs = said.candidates.flatMap(({ proofs: due }, place) =>
    due > 0 && (seen.candidates[place]?.proofs ?? 0) === 0 ? ['signatures: some were said, none read'] : [],
  )
  return [...differences(said, seen, 'canonical'), ...proofs]
}

/** Parts are opened before they grow, and closed before the finish. */
function faultsOfOrder({ events }: ReadAnswer): readonly string[] {
  const open = new Set<string>()
  const faults: string[] = []
  for (const event of events) {
    if (event.type === 'finish' && [...open].some((key) => key.startsWith(`${event.candidate}/`)))
      faults.push('a part is open at the finish')
    if (!('part' in event) || event.type === 'opaque') continue
    const key = `${event.candidate}/${event.part}`
    if (event.type.endsWith('-start')) open.add(key)
    else if (event.type.endsWith('-end') ? !open.delete(key) : !open.has(key)) {
      faults.push(`${event.type} of a part that is not open`)
    }
  }
  return faults
}

const writeOptions: WriteAnswerOptions = {
  responseId: 'id_of_the_gateway',
  modelId: 'model-of-the-gateway',
  createdAtS: 1_700_000_000,
  wantsUsage: true,
}

async function checkWriting(answer: AnswerCase, { read, said }: WholeAnswer, to: Dialect): Promise<void> {
  const { dialect, outcomes, recording } = answer
  const sdk = officialClients.get(to.id)
  if (sdk === undefined) return
  const from = dialect.id
  const features = featuresOfAnswer(said, recording)
  const forms = { plain: () => plainForm(to, read), stream: () => streamForm(to, read) }
  for (const [form, write] of Object.entries(forms)) {
    const named: string[] = []
    const cell: Cell = { from, to: to.id, features, named }
    await outcomes.checkLater(
      `to.${to.id}.${form}`,
      async () => {
        const { text, losses } = write()
        const seen = form === 'plain' ? await sdk.readPlain(text) : await sdk.readStream(text)
        const unsaid = unsaidFeatures(said, seen, to)
        named.push(...unsaid)
        return [
          ...differences(said, seen, to.id),
          ...(unsaid.length > 0 && losses === 0 ? [`lost without a word: ${unsaid.join(', ')}`] : []),
          // The chat API has no place for a signature; its servers' answers keep theirs by passing through.
          ...(from === to.id && from !== 'openai-chat' ? proofDifferences(said, seen) : []),
        ]
      },
      cell,
    )
    outcomes.check(`schema.${to.id}.${form}`, () => {
      const { text } = write()
      const faults = form === 'plain' ? schemaFaultsOfPlain(to.id, text) : schemaFaultsOfStream(to.id, text)
      return faults.length > 0 && isExcused(answer, { said, to }) ? [] : faults
    })
  }
}

/**
 * An answer that breaks the description of its own dialect as it was recorded says more than the description knows; and
 * arguments that are no JSON are given to an Anthropic client as the text they are, where an object is due.
 */
function isExcused(
  { recording, dialect }: AnswerCase,
  { said, to }: { said: Reading; to: Dialect },
): boolean {
  const text = recording.response.bytes.toString()
  if (to.id === dialect.id) {
    const faults = isStreamed(recording)
      ? schemaFaultsOfStream(to.id, text)
      : schemaFaultsOfPlain(to.id, text)
    return faults.length > 0
  }
  const hasText = said.candidates.some(({ calls }) => calls.some(({ input }) => typeof input === 'string'))
  return to.id === 'anthropic-messages' && hasText
}

function plainForm(to: Dialect, { result }: ReadAnswer) {
  const { body, losses } = to.writeResult(result, writeOptions)
  return { text: body, losses: losses.length }
}

function streamForm(to: Dialect, { events }: ReadAnswer) {
  const writer = to.createStreamWriter(writeOptions)
  const pieces = events.map((event) => writer.write(event))
  const text = pieces.join('') + writer.end()
  return { text, losses: writer.losses.length }
}

/** What did not arrive and may not have: it must have been named as a loss. */
function unsaidFeatures(said: Reading, seen: Reading, to: Dialect): readonly string[] {
  const [due, found] = [said.candidates[0], seen.candidates[0]]
  if (due === undefined || found === undefined) return []
  return [
    ...(due.citations > 0 && found.citations === 0 ? ['citations'] : []),
    ...(due.logprobs > 0 && found.logprobs === 0 ? ['logprobs'] : []),
    ...(due.proofs > 0 && found.proofs === 0 ? ['signatures'] : []),
    ...(said.candidates.length > 1 && !givesSeveralAnswers(to.id) ? ['n > 1'] : []),
  ]
}

/** In its own dialect an answer keeps every signature. */
function proofDifferences(said: Reading, seen: Reading): readonly string[] {
  return said.candidates.flatMap(({ proofs }, place) => {
    const other = seen.candidates[place]?.proofs ?? 0
    return other < proofs ? [`signatures: ${proofs} were said, ${other} seen`] : []
  })
}
