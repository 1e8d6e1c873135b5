/** What a change takes away: `--unset rpm,expires`. A flag that is not given leaves what it is about as it was. */

import { readNames, shown } from './read-values.ts'
import { CommandRefusal } from './refusal.ts'

interface Changeable {
  /** Flags that name something new, without their dashes. */
  readonly flags: readonly string[]
  /** Those of them that can be taken away as well. */
  readonly unsettable: readonly string[]
}

/** Refuses a change of nothing, and one that both names and takes away. */
export function readUnset(
  options: { readonly unset?: string },
  { flags, unsettable }: Changeable,
): ReadonlySet<string> {
  const given = new Map<string, unknown>(Object.entries(options))
  const named = new Set(flags.filter((flag) => given.get(optionOf(flag)) !== undefined))
  const unset = new Set(readNames(options.unset ?? ''))
  for (const name of unset) {
    if (!unsettable.includes(name))
      throw new CommandRefusal(
        `--unset: ${shown(name)} is nothing that can be taken away: use ${unsettable.join(', ')}`,
      )
    if (named.has(name)) throw new CommandRefusal(`--${name} and --unset ${name} exclude each other`)
  }
  if (named.size + unset.size > 0) return unset
  throw new CommandRefusal(`say what to set: ${flags.map((flag) => `--${flag}`).join(', ')} or --unset`)
}

/** As commander names it: `input-tpm` is `inputTpm`. */
function optionOf(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
