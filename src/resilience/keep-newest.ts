/** Memory by name with a bound, where the oldest entry is worth the least. */

/** Newest last; where there are more than `sizeMax`, the oldest is forgotten. */
export function keepNewest<Value>(
  memory: Map<string, Value>,
  { name, value, sizeMax }: { readonly name: string; readonly value: Value; readonly sizeMax: number },
): void {
  memory.delete(name)
  memory.set(name, value)
  if (memory.size <= sizeMax) return
  const [oldest] = memory.keys()
  if (oldest !== undefined) memory.delete(oldest)
}
