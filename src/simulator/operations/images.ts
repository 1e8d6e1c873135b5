/** Images in OpenAI's words: one red pixel, as often as it is asked for, whole or as the events of a stream. */

import { jsonSteps, type SimulatedCall, streamHead } from '../call.ts'
import { isFormRequest, readForm } from '../form.ts'
import { framePiece } from '../piece.ts'
import type { Step } from '../step.ts'
import { write } from '../step.ts'
import { tokensOfLength } from '../tokens.ts'
import { numberOf, stringOf } from '../../std/json.ts'
import { fieldMissing } from './nothing-here.ts'

/** A PNG of one pixel. */
export const SIMULATED_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

const IMAGES_MAX = 10
/** What a picture costs, and each picture that is shown to the model. */
const OUTPUT_TOKENS = 272
const IMAGE_INPUT_TOKENS = 85

export function makeImages(call: SimulatedCall): Iterable<Step> {
  const asked = askedOf(call)
  if (call.request.operation !== 'image-variation' && asked.prompt === undefined)
    return fieldMissing(call, 'prompt')
  const needsImage = call.request.operation !== 'image-generation'
  if (needsImage && asked.images === 0) return fieldMissing(call, 'image')
  return asked.isStream ? imageStream(call, asked) : jsonSteps(call, imageAnswer(call, asked))
}

interface Asked {
  readonly prompt: string | undefined
  readonly count: number
  /** Pictures that came with the request. */
  readonly images: number
  readonly isUrl: boolean
  readonly isStream: boolean
}

function askedOf(call: SimulatedCall): Asked {
  const { fields } = call.request
  const form = isFormRequest(call.head) ? readForm(call.head, call.body) : []
  const field = (name: string) => {
    const part = form.find((each) => each.name === name)
    return part ? Buffer.from(part.bytes).toString() : fields[name]
  }
  const n = field('n')
  const count = numberOf(typeof n === 'string' ? Number(n) : n) ?? 1
  return {
    prompt: stringOf(field('prompt')),
    count: Math.min(Math.max(1, Math.floor(count)), IMAGES_MAX),
    images: form.filter(({ name }) => /^image(?:\[\])?$/.test(name)).length,
    isUrl: field('response_format') === 'url',
    isStream: field('stream') === true || field('stream') === 'true',
  }
}

function imageAnswer(call: SimulatedCall, asked: Asked): object {
  const image = asked.isUrl ? { url: 'https://simulator.invalid/red.png' } : { b64_json: SIMULATED_PNG }
  return {
    created: Math.floor(call.wallMs / 1000),
    background: 'opaque',
    output_format: 'png',
    quality: 'low',
    size: '1024x1024',
    data: Array.from({ length: asked.count }, () => image),
    usage: usageOf(asked),
  }
}

function usageOf({ prompt = '', count, images }: Asked): object {
  const text_tokens = tokensOfLength(prompt.length)
  const image_tokens = images * IMAGE_INPUT_TOKENS
  const input_tokens = text_tokens + image_tokens
  const output_tokens = count * OUTPUT_TOKENS
  return {
    input_tokens,
    input_tokens_details: { text_tokens, image_tokens },
    output_tokens,
    total_tokens: input_tokens + output_tokens,
  }
}

function* imageStream(call: SimulatedCall, asked: Asked): Iterable<Step> {
  const family = call.request.operation === 'image-generation' ? 'image_generation' : 'image_edit'
  const created_at = Math.floor(call.wallMs / 1000)
  const picture = { b64_json: SIMULATED_PNG, created_at, output_format: 'png', size: '1024x1024' }
  const partial = { type: `${family}.partial_image`, partial_image_index: 0, ...picture }
  const completed = { type: `${family}.completed`, ...picture, usage: usageOf(asked) }
  yield streamHead(call)
  for (const event of [partial, completed]) {
    yield write(framePiece({ kind: 'other', event: event.type, data: JSON.stringify(event), tokens: 0 }))
  }
}
