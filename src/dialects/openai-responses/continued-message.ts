/** The message of an answer that broke off, as the one who goes on with it takes it over. */

import type { DeliveredItems, DeliveredMessage } from './delivered-items.ts'
import { type ContentDraft, MessageDraft } from './item-drafts.ts'
import type { Voice } from './stream-voice.ts'

/** What was said before of an answer that goes on. */
export interface SaidBefore {
  readonly items: DeliveredItems
  /** The message that has not ended. */
  readonly message: DeliveredMessage | undefined
  /** The part of the answer that is the message's open text. */
  readonly openText: number | undefined
}

export interface ContinuedMessage {
  readonly message: MessageDraft
  /** The text that grows on. */
  readonly draft: ContentDraft | undefined
}

/** A text that was said in full is ended here, in words that were not said yet. */
export function continuedMessage(
  { id, index, announced, whole, open }: DeliveredMessage,
  isTextOpen: boolean,
  voice: Voice,
): ContinuedMessage {
  const message = new MessageDraft({ id, index }, announced)
  for (const part of whole) message.keep('text', part)
  const draft = open === undefined ? undefined : message.goOn(open)
  if (draft === undefined || isTextOpen) return { message, draft }
  message.settle(draft, draft.endPart(voice))
  return { message, draft: undefined }
}
