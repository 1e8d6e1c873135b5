/** Marks a place the type checker has proved unreachable: the end of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new Error(`unreachable case: ${String(value)}`)
}
