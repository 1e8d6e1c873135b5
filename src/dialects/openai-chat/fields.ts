/** What the files of this dialect share: its name, its refusal of a field, and absence kept absent. */

import { GatewayError } from '../../errors/gateway-error.ts'

export const DIALECT = 'openai-chat'

/** The refusal of a field, in the client's own spelling of it. */
export function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** Drops what is `undefined`, so that absent stays absent. */
export function withoutAbsent<T extends object>(value: T): Present<T> {
  const present: Partial<T> = {}
  for (const name in value) if (value[name] !== undefined) present[name] = value[name]
  // Only members that are undefined are left out, which is what `Present` says.
  return present as unknown as Present<T>
}

/** The value as a list of one, or of none. */
export function listOf<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value]
}
