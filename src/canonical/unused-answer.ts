/** An answer that came to its end and that nobody can be given: whoever made it is paid for it all the same. */

import { GatewayError } from '../errors/gateway-error.ts'
import { believableUsage, type Usage } from './usage.ts'

export interface UnusedAnswerFacts {
  /** What its provider said it took, as far as it can be believed. */
  readonly usage: Usage | undefined
  /** Nothing was written, so that where no count was told the input alone was taken. */
  readonly isSilent: boolean
}

export class UnusedAnswer extends GatewayError {
  readonly answer: UnusedAnswerFacts

  constructor(code: 'empty_response' | 'content_policy', message: string, answer: UnusedAnswerFacts) {
    super(code, message)
    this.answer = answer
  }
}

/** One that holds nothing; `usage`: as its provider told it. */
export function emptyAnswer(message: string, usage?: Usage): UnusedAnswer {
  return new UnusedAnswer('empty_response', message, { usage: believableUsage(usage), isSilent: true })
}
