/** Says a whole answer as a plain answer of this dialect: its text. Reasoning and tool calls have no place in it. */

import type { Finish } from '../../canonical/finish.ts'
import type { Part } from '../../canonical/message.ts'
import type { Candidate, InferenceResult } from '../../canonical/result.ts'
import type { JsonObject } from '../../std/json.ts'
import type { EncodedAnswer, WriteAnswerOptions } from '../dialect.ts'
import { finishWord } from '../openai-chat/finish-words.ts'
import { Losses } from '../openai-chat/losses.ts'
import { writeUsage } from '../openai-chat/write-usage.ts'
import { LogprobWriter } from './logprobs.ts'

export function writeResult(result: InferenceResult, options: WriteAnswerOptions): EncodedAnswer {
  const losses = new Losses()
  const usage = writeUsage(result.usage)
  const body = JSON.stringify({
    id: result.responseId ?? options.responseId,
    object: 'text_completion',
    created: result.createdAtS ?? options.createdAtS,
    model: result.modelId ?? options.modelId,
    choices: result.candidates.map((candidate) => writeChoice(candidate, losses)),
    ...(usage === undefined ? {} : { usage }),
  })
  return { body, losses: losses.all }
}

function writeChoice({ index, parts, logprobs, finish }: Candidate, losses: Losses): JsonObject {
  return {
    text: parts.map((part) => textOf(part, losses)).join(''),
    index,
    logprobs: logprobs === undefined ? null : new LogprobWriter().write(logprobs),
    finish_reason: finish === undefined ? null : completionFinish(finish),
  }
}

function textOf(part: Part, losses: Losses): string {
  switch (part.type) {
    case 'text':
      if (part.citations !== undefined && part.citations.length > 0) noteLost('citations', losses)
      return part.text
    case 'refusal':
      return part.text
    case 'opaque':
      noteLost('part', losses)
      return ''
    default:
      noteLost(part.type, losses)
      return ''
  }
}

export function noteLost(what: string, losses: Losses): void {
  losses.add(`content.${what}`, 'an answer of the OpenAI completions API is text alone')
}

/** `stop`, `length` or `content_filter`: nobody who completes a prompt can run a tool. */
export function completionFinish(finish: Finish): string {
  return finish.reason === 'tool-calls' ? 'stop' : finishWord(finish, false)
}
