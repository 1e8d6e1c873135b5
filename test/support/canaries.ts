/** Secrets that are planted to be looked for in everything that is said afterwards. */

import { randomBytes } from 'node:crypto'

/** In no form that a pattern for well-known keys would find: only who knows it can take it out. */
export const canary = (where: string): string => `Kanarie-${where}-${randomBytes(9).toString('hex')}`

export interface Output {
  readonly from: string
  readonly text: string
}

/** Each spelling in which a secret is still one. */
function spellingsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const inner = [0, 1, 2].map((lead) =>
    Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .slice(lead === 0 ? 0 : 4, -4),
  )
  return [secret, encodeURIComponent(secret), bytes.toString('hex'), ...inner]
}

/** Where one of the secrets, each by the slot it stands in, is in an output. */
export function leaksIn(
  secrets: Readonly<Record<string, string>>,
  { from, text }: Output,
): readonly string[] {
  return Object.entries(secrets).flatMap(([slot, secret]) =>
    spellingsOf(secret).flatMap((spelling) => {
      const at = text.indexOf(spelling)
      return at === -1 ? [] : [`${slot} in ${from}: ${text.slice(Math.max(0, at - 80), at + 60)}`]
    }),
  )
}
