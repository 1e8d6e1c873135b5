/** A defect of ours, described so that it can be mended and tells nothing that was said. */

const STACK_LINES_MAX = 6

/** The kind and the place of a defect. Its message stays out: parsers quote what they were given, and that may be a prompt (SEC-25). */
export function describeDefect(thrown: unknown): Readonly<Record<string, string>> {
  if (!(thrown instanceof Error)) return { kind: typeof thrown }
  const cause = thrown.cause instanceof Error ? thrown.cause : thrown
  const frames = (cause.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return {
    kind: cause.name,
    at: frames
      .slice(0, STACK_LINES_MAX)
      .map((line) => line.trim())
      .join(' < '),
  }
}
