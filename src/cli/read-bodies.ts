/** What is kept of a request, for the commands that look at it: read, and written down to have been read. */

import type { KeptBodies, KeptBody, LeftOut } from '../archive/kept-bodies.ts'
import type { OpenedBooks } from './books.ts'
import { wallMs } from './change-books.ts'
import type { CliIo } from './io.ts'
import { shown } from './read-values.ts'
import { CommandRefusal } from './refusal.ts'

/** Throws `CommandRefusal` where nothing is kept, saying how it would be. */
export async function readBodies(exchangeId: string, books: OpenedBooks, io: CliIo): Promise<KeptBodies> {
  const found = await books.findBodies(exchangeId)
  if (found.type === 'none')
    throw new CommandRefusal(
      `what ${shown(exchangeId)} asked is not kept: the books hold who asked, for what and at which cost, and no prompts. They are kept from now on with requests: { keepBodies: true } in the configuration, or for one key made with holdfast key create --keep-bodies`,
    )
  if (found.type === 'unreadable')
    throw new CommandRefusal(
      `what ${shown(exchangeId)} asked was sealed under another master secret: name that one too, after the new one, with a comma between them`,
    )
  await books.store.note({ atMs: wallMs(io), actor: 'cli', action: 'read-bodies', subject: exchangeId })
  return found.bodies
}

const REASONS: Readonly<Record<LeftOut, string>> = {
  'too-large': 'beyond what is kept (requests.bodyBytes)',
  form: 'a form of several parts, and these are not kept',
  binary: 'no text, and only text is kept',
  unsafe: 'not kept, since a secret in it could not be taken out',
}

/** What became of a body that is not there, or not as it was; `undefined` where it is whole. */
export function whatIsAmiss(body: KeptBody): string | undefined {
  if (body.type === 'left-out') return `${body.bytes} bytes, ${REASONS[body.reason]}`
  const facts = [
    body.isCut ? `cut after ${body.body.length} of ${body.bytes} bytes` : undefined,
    body.isRedacted ? 'secrets in it are replaced' : undefined,
  ].filter((fact) => fact !== undefined)
  return facts.length === 0 ? undefined : facts.join('; ')
}

/** The text of a body; what a terminal would obey is replaced, lines stay lines. */
export function textOf(body: KeptBody): string | undefined {
  if (body.type === 'left-out') return undefined
  return Buffer.from(body.body)
    .toString()
    .replaceAll(/[^\P{Cc}\n\t]|[\u2028-\u202e\u2066-\u2069]/gu, '?')
    .trimEnd()
}
