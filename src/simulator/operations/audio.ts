/** Speech and transcription in OpenAI's words: made-up sound, and a text that tells what came. */

import { commonHeaders, jsonSteps, type SimulatedCall, streamHead } from '../call.ts'
import { readForm } from '../form.ts'
import { framePiece } from '../piece.ts'
import { wholeAnswer } from '../refusal.ts'
import type { Step } from '../step.ts'
import { write } from '../step.ts'
import { splitTokens, tokensOfLength } from '../tokens.ts'
import { stringOf } from '../../std/json.ts'
import { fieldMissing } from './nothing-here.ts'

const SOUND_TYPES: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  opus: 'audio/ogg',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
}
/** Bytes of sound for a character of text, all of them for at most so many characters, and bytes in one piece. */
const BYTES_PER_CHARACTER = 64
const CHARACTERS_MAX = 4_096
const PIECE_BYTES = 1_000

export function speak(call: SimulatedCall): Iterable<Step> {
  const { input, response_format: format, stream_format: form } = call.request.fields
  if (typeof input !== 'string') return fieldMissing(call, 'input')
  const pieces = soundOf(input)
  if (form === 'sse') return events(call, speechEvents(input, pieces))
  return sound(call, SOUND_TYPES[stringOf(format) ?? 'mp3'] ?? 'audio/mpeg', pieces)
}

/** The sound of a text in pieces: bytes that are the same on every run and mean nothing. */
export function soundOf(text: string): readonly Uint8Array[] {
  const bytes = Buffer.alloc(Math.min(text.length, CHARACTERS_MAX) * BYTES_PER_CHARACTER)
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = (text.charCodeAt(Math.floor(index / BYTES_PER_CHARACTER)) * 31 + index * 7) % 256
  }
  const count = Math.ceil(bytes.length / PIECE_BYTES)
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES))
}

function* sound(call: SimulatedCall, type: string, pieces: readonly Uint8Array[]): Iterable<Step> {
  const headers = { 'content-type': type, ...commonHeaders(call) }
  yield { type: 'head', status: 200, headers: Object.entries(headers), framing: { type: 'chunked' } }
  for (const piece of pieces) yield write(piece)
}

function speechEvents(input: string, pieces: readonly Uint8Array[]): readonly object[] {
  const input_tokens = tokensOfLength(input.length)
  const usage = { input_tokens, output_tokens: pieces.length, total_tokens: input_tokens + pieces.length }
  return [
    ...pieces.map((piece) => ({ type: 'speech.audio.delta', audio: Buffer.from(piece).toString('base64') })),
    { type: 'speech.audio.done', usage },
  ]
}

function* events(call: SimulatedCall, values: readonly object[]): Iterable<Step> {
  yield streamHead(call)
  for (const value of values) {
    yield write(framePiece({ kind: 'other', data: JSON.stringify(value), tokens: 0 }))
  }
}

export function transcribe(call: SimulatedCall): Iterable<Step> {
  const form = readForm(call.head, call.body)
  const field = (name: string) => {
    const part = form.find((each) => each.name === name)
    return part && Buffer.from(part.bytes).toString()
  }
  const file = form.find(({ name }) => name === 'file')
  if (file === undefined) return fieldMissing(call, 'file')
  const heard = { text: heardText(call, file.bytes.length), bytes: file.bytes.length }
  return field('stream') === 'true' && call.request.operation === 'transcription'
    ? events(call, transcriptEvents(heard))
    : transcript(call, heard, field('response_format') ?? 'json')
}

interface Heard {
  readonly text: string
  readonly bytes: number
}

function heardText({ request }: SimulatedCall, bytes: number): string {
  const what = request.operation === 'transcription' ? 'transcription' : 'translation'
  return `Simulated ${what} of ${bytes} bytes by ${request.model}.`
}

function transcriptEvents(heard: Heard): readonly object[] {
  return [
    ...splitTokens(heard.text).map((delta) => ({ type: 'transcript.text.delta', delta })),
    { type: 'transcript.text.done', text: heard.text, usage: usageOf(heard) },
  ]
}

function transcript(call: SimulatedCall, heard: Heard, format: string): readonly Step[] {
  const { text } = heard
  switch (format) {
    case 'text':
      return told(call, `${text}\n`)
    case 'srt':
      return told(call, `1\n00:00:00,000 --> 00:00:01,000\n${text}\n\n`)
    case 'vtt':
      return told(call, `WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n${text}\n\n`)
    case 'verbose_json':
      return jsonSteps(call, verbose(call, heard))
    default:
      return jsonSteps(call, { text, usage: usageOf(heard) })
  }
}

function told(call: SimulatedCall, body: string): readonly Step[] {
  const headers = commonHeaders(call)
  return wholeAnswer({ status: 200, contentType: 'text/plain; charset=utf-8', headers, body })
}

function verbose(call: SimulatedCall, { text }: Heard): object {
  const segment = { id: 0, seek: 0, start: 0, end: 1, text, tokens: [], temperature: 0 }
  const measures = { avg_logprob: -0.1, compression_ratio: 1, no_speech_prob: 0 }
  return {
    task: call.request.operation === 'transcription' ? 'transcribe' : 'translate',
    language: 'english',
    duration: 1,
    text,
    segments: [{ ...segment, ...measures }],
    usage: { type: 'duration', seconds: 1 },
  }
}

/** A token for every hundred bytes of sound. */
function usageOf({ text, bytes }: Heard): object {
  const audio_tokens = Math.ceil(bytes / 100)
  const output_tokens = tokensOfLength(text.length)
  return {
    type: 'tokens',
    input_tokens: audio_tokens,
    input_token_details: { text_tokens: 0, audio_tokens },
    output_tokens,
    total_tokens: audio_tokens + output_tokens,
  }
}
