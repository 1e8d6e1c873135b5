/** Says what a run came to: the matrix as Markdown, for the terminal and for docs/fidelity.md. */

import { answerFeatures } from './features.ts'
import type { Count, Failure, Tally } from './tally.ts'

export interface RunFacts {
  /** The day it was run, `2026-01-31`. */
  readonly date: string
  readonly seed: number
}

export function writeFidelity(tally: Tally, { date, seed }: RunFacts): string {
  const failed = tally.failures.length
  return `# Fidelity

What survives a translation, counted on recorded traffic. On ${date} \`npm run conformance -- --write\` replayed ${tally.exchanges}
exchanges between real clients and real providers (seed ${seed} for the random cuts) and made this page: ${tally.passed} checks
passed, ${failed} failed. The recordings are not part of the repository; \`CORPUS_DIR\` names their folder.

## What is checked

- **Requests** of a client's dialect are peeked, read, written again in the same dialect and read again: the same must be
  asked, with nothing lost. Patched for passthrough, every byte but the model's name is the client's. In every other
  dialect, images, documents, audio, tools and output schemas arrive or are named as losses. A request may be refused here
  only where its provider refused it with a 4xx.
- **Answers** are read whole, cut at random bytes, as the network cut them, and byte by byte where they are small. What was
  read is laid beside an oracle that reads the recording by code of its own (\`conformance/oracle\`). Then each answer is
  written plain and as a stream in each of the four client dialects and read by that dialect's official SDK
  (\`openai\`, \`@anthropic-ai/sdk\`, \`@google/genai\`), which must see the same text, refusals, reasoning, tool calls, finish
  and token counts, and it must fit the official API description. What may differ is listed in
  \`conformance/expectation.ts\`: dialects have fewer words for an end, and two of them take only objects as tool input.
- **Passthrough** gives the provider's events unchanged, and a fold of them is the same answer.
- **Errors** get the class that their status, type and words call for (\`conformance/oracle/error-class.ts\`), and each
  official SDK throws them as the error they are.

## How to read the tables

A row is the dialect an exchange was recorded in, a column the dialect it was written in. \`120\` means that 120 answers (or
requests) with this feature arrived; each answer counts twice, once plain and once as a stream. \`90 + 30 named\` means that 30
could not be said in that dialect and were returned as named losses. \`failed\` counts those with a check that does not hold.

${matrix(tally)}
## Not covered

These files of the corpus hold other operations, or formats that no dialect of the gateway speaks:
${[...tally.uncovered].map(([file, count]) => `\`${file}\` (${count})`).join(', ') || 'none'}.

## Checks by kind

| check | runs |
| --- | --: |
${[...tally.checks]
  .sort(([left], [right]) => left.localeCompare(right))
  .map(([kind, count]) => `| \`${kind}\` | ${count} |`)
  .join('\n')}
${failures(tally.failures)}`
}

export function matrix(tally: Tally): string {
  const names = [...tally.matrix.keys()]
  const known: readonly string[] = answerFeatures
  const ends = names.filter((name) => name.startsWith('finish: ')).sort()
  const asked = names.filter((name) => name.startsWith('asked: ')).sort()
  const ordered = [...known.filter((name) => names.includes(name)), ...ends, ...asked, 'errors']
  return ordered.map((name) => section(name, tally.matrix.get(name))).join('')
}

function section(name: string, rows: ReadonlyMap<string, ReadonlyMap<string, Count>> | undefined): string {
  if (rows === undefined) return ''
  const columns = [...new Set([...rows.values()].flatMap((cells) => [...cells.keys()]))].sort()
  const lines = [...rows]
    .sort(([left], [right]) => left.localeCompare(right))
    .map(([from, cells]) => {
      const values = columns.map((to) => cellText(cells.get(to)))
      return `| ${from} | ${values.join(' | ')} |`
    })
  const title = name.startsWith('asked: ') ? `Requests: ${name.slice(7)}` : `Answers: ${name}`
  return `### ${name === 'errors' ? 'Errors' : title}

| from \\ to | ${columns.join(' | ')} |
| --- |${columns.map(() => ' --: |').join('')}
${lines.join('\n')}

`
}

function cellText(count: Count | undefined): string {
  if (count === undefined) return ''
  const { kept, named, failed } = count
  return `${kept}${named === 0 ? '' : ` + ${named} named`}${failed === 0 ? '' : `, ${failed} failed`}`
}

function failures(list: readonly Failure[]): string {
  if (list.length === 0) return ''
  const lines = list.map(({ where, check }) => `- \`${where}\`: \`${check}\``)
  return `
## Failures

${lines.slice(0, 200).join('\n')}
`
}
