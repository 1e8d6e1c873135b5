/** Says an answer's events as a stream of this dialect. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Loss } from '../../canonical/loss.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { StreamWriter, WriteAnswerOptions } from '../dialect.ts'
import { Losses } from '../openai-chat/losses.ts'
import { writeUsage } from '../openai-chat/write-usage.ts'
import { LogprobWriter } from './logprobs.ts'
import { completionFinish, noteLost } from './write-result.ts'

type EventOf<T extends InferenceEvent['type']> = Extract<InferenceEvent, { type: T }>

export class CompletionsStreamWriter implements StreamWriter {
  readonly #options: WriteAnswerOptions
  readonly #losses = new Losses()
  /** Whether each candidate has finished. */
  readonly #finished = new Map<number, boolean>()
  readonly #logprobs = new Map<number, LogprobWriter>()
  /** `{"id":...,"object":...,"created":...,"model":...,"choices":`, the same for every chunk of the answer. */
  #head = ''
  #usage: Usage | undefined
  #isEnded = false

  constructor(options: WriteAnswerOptions) {
    this.#options = options
  }

  get losses(): readonly Loss[] {
    return this.#losses.all
  }

  write(event: InferenceEvent): string {
    switch (event.type) {
      case 'answer-start':
        if (this.#head === '') this.#head = this.#headOf(event)
        return ''
      case 'text-delta':
      case 'refusal-delta':
        return event.text === '' ? '' : this.#choice(event.candidate, { text: event.text })
      case 'text-end':
        if (event.citations !== undefined && event.citations.length > 0) this.#note('citations')
        return ''
      case 'reasoning-start':
        return this.#note('reasoning')
      case 'tool-call-start':
        return this.#note('tool-call')
      case 'opaque':
        return this.#note('part')
      case 'logprobs-delta':
        return this.#writeLogprobs(event)
      case 'usage-update':
        this.#usage = event.usage
        return ''
      case 'finish':
        return this.#finish(event)
      case 'error':
        // Said by `writeStreamError`, which knows the request; nothing may follow it.
        this.#isEnded = true
        return ''
      default:
        return ''
    }
  }

  /** Nothing where an answer is not whole: `[DONE]` would say it is. */
  end(): string {
    const isComplete = this.#finished.size > 0 && [...this.#finished.values()].every(Boolean)
    if (this.#isEnded || !isComplete) return ''
    this.#isEnded = true
    const usage = this.#options.wantsUsage ? writeUsage(this.#usage) : undefined
    const chunk = usage === undefined ? '' : this.#chunk(`[],"usage":${JSON.stringify(usage)}`)
    return `${chunk}data: [DONE]\n\n`
  }

  #note(what: string): string {
    noteLost(what, this.#losses)
    return ''
  }

  #headOf(start: Partial<EventOf<'answer-start'>>): string {
    const id = JSON.stringify(start.responseId ?? this.#options.responseId)
    const model = JSON.stringify(start.modelId ?? this.#options.modelId)
    const created = start.createdAtS ?? this.#options.createdAtS
    return `{"id":${id},"object":"text_completion","created":${created},"model":${model},"choices":`
  }

  #chunk(choices: string): string {
    if (this.#head === '') this.#head = this.#headOf({})
    return `data: ${this.#head}${choices}}\n\n`
  }

  #choice(candidate: number, said: { text?: string; logprobs?: string; finish?: string }): string {
    if (!this.#finished.has(candidate)) this.#finished.set(candidate, false)
    const text = JSON.stringify(said.text ?? '')
    const finish = said.finish === undefined ? 'null' : JSON.stringify(said.finish)
    return this.#chunk(
      `[{"text":${text},"index":${candidate},"logprobs":${said.logprobs ?? 'null'},"finish_reason":${finish}}]`,
    )
  }

  #writeLogprobs({ candidate, content }: EventOf<'logprobs-delta'>): string {
    const writer = this.#logprobs.get(candidate) ?? new LogprobWriter()
    this.#logprobs.set(candidate, writer)
    return this.#choice(candidate, { logprobs: JSON.stringify(writer.write(content)) })
  }

  #finish({ candidate, finish }: EventOf<'finish'>): string {
    if (this.#finished.get(candidate) === true) return ''
    const chunk = this.#choice(candidate, { finish: completionFinish(finish) })
    this.#finished.set(candidate, true)
    return chunk
  }
}
