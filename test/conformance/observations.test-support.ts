/** The recordings that the observations name, through the gateway's readers: by id, and skipped where they are absent. */

import { corpusFiles, corpusFolder, type Recording, readCorpusFile } from '../../conformance/corpus.ts'
import type { CandidateReading, Reading } from '../../conformance/oracle/reading.ts'
import { dialectOfFile, isStreamed } from '../../conformance/oracle/verdict.ts'
import { type ReadAnswer, readPlainAnswer, readStreamedAnswer } from '../../conformance/read-answer.ts'
import { replay } from '../../conformance/replay.ts'
import { readingOfResult } from '../../conformance/result-reading.ts'
import { gateway } from '../../conformance/room.ts'
import { wireBytes } from '../../conformance/wire-bytes.ts'
import type { TargetDialect } from '../../src/dialects/dialect.ts'
import type { GatewayError } from '../../src/errors/gateway-error.ts'

const folder = corpusFolder()
const files = new Set(corpusFiles(folder))
export const hasCorpus: boolean = files.size > 0

const read = new Map<string, ReadonlyMap<string, Recording>>()

export function recordingOf(id: string): Recording {
  const file = id.split('.')[1] ?? ''
  const known =
    read.get(file) ??
    new Map(readCorpusFile(folder, file).recordings.map((recording) => [recording.id, recording]))
  read.set(file, known)
  const recording = known.get(id)
  if (recording === undefined) throw new Error(`The corpus holds no ${id}.`)
  return recording
}

export function dialectOf(recording: Recording): TargetDialect {
  const id = dialectOfFile(recording.file)
  const dialect = id === undefined ? undefined : gateway.targetDialects.get(id)
  if (dialect === undefined) throw new Error(`No dialect speaks ${recording.file}.`)
  return dialect
}

/** The recorded answer through the reader of its dialect. */
export function answerOf(id: string): ReadAnswer {
  const recording = recordingOf(id)
  const dialect = dialectOf(recording)
  const { bytes } = recording.response
  return isStreamed(recording)
    ? readStreamedAnswer(dialect, [wireBytes(bytes, dialect.streamFraming).bytes])
    : readPlainAnswer(dialect, bytes)
}

export function readingOf(id: string): Reading {
  return readingOfResult(answerOf(id).result)
}

/** What the first candidate of the recorded answer says. */
export function sayingOf(id: string): CandidateReading {
  const candidate = readingOf(id).candidates[0]
  if (candidate === undefined) throw new Error(`${id} says nothing.`)
  return candidate
}

/** The recorded refusal, classified. */
export function refusalOf(id: string): GatewayError {
  const recording = recordingOf(id)
  const { status, headers, bytes } = recording.response
  return dialectOf(recording).readError({ status, headers, body: bytes })
}

/** Every conformance check that fails for these exchanges, with the exchange; empty where all hold. */
export async function faultsOf(...ids: readonly string[]): Promise<readonly string[]> {
  const faults: string[] = []
  for (const id of ids) {
    const outcomes = await replay(recordingOf(id), { seed: 1 })
    if (outcomes.length === 0) faults.push(`${id}: nothing was checked`)
    for (const { check, fault } of outcomes) if (fault !== undefined) faults.push(`${id} ${check}: ${fault}`)
  }
  return faults
}

/** The recorded text, in pieces that a test looks into. */
export function textOfRecording(id: string): string {
  return recordingOf(id).response.bytes.toString('utf8')
}

/** A recorded stream let through to a client of the same dialect. */
export function passedOn(id: string): string {
  const recording = recordingOf(id)
  const dialect = [...gateway.dialects.values()].find((known) => known.id === dialectOf(recording).id)
  if (dialect === undefined) throw new Error(`No client speaks ${recording.file}.`)
  const passthrough = dialect.createPassthrough({ hidesUsage: false })
  const out = Buffer.concat([passthrough.read(recording.response.bytes), passthrough.end()])
  return out.toString('utf8')
}

/** The answer to a client of Anthropic's dialect, as it is streamed. */
export function toldToAnthropic(id: string): string {
  const dialect = gateway.dialects.get('anthropic-messages')
  const writer = dialect?.createStreamWriter({
    responseId: 'msg_own',
    modelId: 'own',
    createdAtS: 1,
    wantsUsage: true,
  })
  if (writer === undefined) throw new Error('There is no such dialect.')
  return (
    answerOf(id)
      .events.map((event) => writer.write(event))
      .join('') + writer.end()
  )
}

/** Whether there are recordings, and a dialect to read those of Gemini. */
export const hasGemini: boolean = hasCorpus && gateway.targetDialects.has('gemini')
