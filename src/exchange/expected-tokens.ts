/** What a request may come to in tokens, as far as its bytes tell: so much of its caller's limits is taken before it is sent. */

import { type LimitAsk, NO_TOKENS } from '../admission/limit-terms.ts'
import { findInlineData } from '../dialects/inline-data.ts'
import { isFree } from '../execution/attempt-money.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Planner } from '../routing/planner.ts'

/** Bytes of a request for each token of its input, as most texts have them. */
const BYTES_A_TOKEN = 4
/** What an answer is reckoned with whose request says no ceiling, tokens. */
const OUTPUT_TOKENS_EXPECTED = 1_000
/**
 * What a picture is reckoned with, tokens, whatever its bytes: what Anthropic scales larger ones down to
 * (https://docs.anthropic.com/en/docs/build-with-claude/vision#evaluate-image-size). OpenAI's tiles come to 1,445 at most
 * (85 and 170 for each of 8, https://platform.openai.com/docs/guides/images-vision), Google's to 258 each.
 */
export const PICTURE_TOKENS = 1_600
/**
 * The same of sound, a film or a document: five minutes of sound for Google (32 a second,
 * https://ai.google.dev/gemini-api/docs/tokens), or some five pages for Anthropic (1,500 to 3,000 each,
 * https://docs.anthropic.com/en/docs/build-with-claude/pdf-support#estimate-your-costs).
 */
export const FILE_TOKENS = 10_000
/** Data that is shorter is no more than a picture by its bytes, and need not be found. */
const DATA_BYTES_MIN = PICTURE_TOKENS * BYTES_A_TOKEN
/** What hardly a model cannot hold, tokens: nobody asks how much one can for less. */
const SMALL_INPUT_TOKENS = 8_000

/** An estimate. What the provider reports takes its place when the request is over. */
export function expectedTokens(exchange: Exchange, planner: Pick<Planner, 'inputRoom'>): LimitAsk {
  if (isFree(exchange)) return NO_TOKENS
  const { maxOutputTokens = OUTPUT_TOKENS_EXPECTED, candidateCount } = exchange.envelope
  const { inputTokens, attachedTokens } = inputOf(exchange, planner)
  return { inputTokens, attachedTokens, outputTokens: maxOutputTokens * Math.max(1, candidateCount) }
}

interface Input {
  readonly inputTokens: number
  readonly attachedTokens: number
}

function inputOf(exchange: Exchange, planner: Pick<Planner, 'inputRoom'>): Input {
  const { asked, envelope } = exchange
  // What a form says in words is next to nothing beside what is uploaded in it.
  if (asked?.form !== undefined)
    return { inputTokens: 0, attachedTokens: Math.min(tokensIn(asked.form.length), FILE_TOKENS) }
  const input = readInput(exchange)
  // Of several texts to embed each has the window for itself.
  if (asked !== undefined || input.inputTokens + input.attachedTokens <= SMALL_INPUT_TOKENS) return input
  return within(input, planner.inputRoom(envelope.modelId))
}

function readInput({ body, envelope }: Exchange): Input {
  let textBytes = envelope.bodyBytes
  let attachedTokens = 0
  for (const { start, end, isPicture } of findInlineData(body, DATA_BYTES_MIN)) {
    textBytes -= end - start
    attachedTokens += Math.min(tokensIn(end - start), isPicture ? PICTURE_TOKENS : FILE_TOKENS)
  }
  return { inputTokens: tokensIn(textBytes), attachedTokens }
}

/** No more than the model's window is read, whatever is sent. */
function within({ inputTokens, attachedTokens }: Input, roomTokens = Number.POSITIVE_INFINITY): Input {
  const text = Math.min(inputTokens, roomTokens)
  return { inputTokens: text, attachedTokens: Math.min(attachedTokens, roomTokens - text) }
}

function tokensIn(bytes: number): number {
  return Math.ceil(bytes / BYTES_A_TOKEN)
}
