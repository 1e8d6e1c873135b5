/** The list itself, without the absent values at its end: whoever reads it takes what is not there as absent. */
export function trimmed<Value>(values: Value[]): Value[] {
  while (values.length > 0 && (values.at(-1) ?? undefined) === undefined) values.pop()
  return values
}
