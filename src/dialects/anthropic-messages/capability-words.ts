/**
 * The words by which this dialect's clients heal themselves: Claude Code sends a request again without what a message of
 * the form `capability_rejected: <class>` names (its gateway contract, read in November 2026), and shortens a conversation
 * whose refusal says that the prompt is too long. Any other wording costs its user the turn.
 */

import type { GatewayError } from '../../errors/gateway-error.ts'

/** The message of an error in this dialect. */
export function writeMessage(error: GatewayError): string {
  const rejected = rejectedCapability(error)
  if (rejected !== undefined) return `capability_rejected: ${rejected}`
  const isTooLong = error.code === 'context_length_exceeded' && !TOO_LONG.test(error.message)
  return isTooLong ? `prompt is too long: ${error.message}` : error.message
}

/** How Anthropic itself says it. */
const TOO_LONG = /prompt is too long/i

/** The class of a refusal that we author, where there is one for it; never of a provider's own. */
export function rejectedCapability({ code, facts }: GatewayError): string | undefined {
  if (code !== 'capability_missing' && code !== 'loss_refused') return undefined
  for (const lack of facts.lacks ?? []) {
    const found = classes.find(({ pattern }) => pattern.test(lack))
    if (found !== undefined) return found.name
  }
  return undefined
}

/** Of abilities and of fields, as the losses of a translation name them. */
const classes: readonly { readonly pattern: RegExp; readonly name: string }[] = [
  { pattern: /(?:^|\.)effort$/, name: 'effort_unsupported' },
  { pattern: /^vision$|(?:^|\.)image(?:$|\.)/, name: 'image_block' },
  { pattern: /^context-window$/, name: 'prompt_too_long' },
]
