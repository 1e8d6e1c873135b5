/** What every command has: the same options, and examples in its help. */

import type { Command } from 'commander'

export function common(command: Command): Command {
  return withOutput(command).option(
    '-c, --config <path>',
    'configuration file (default: ./holdfast.yaml where there is one)',
  )
}

export function withOutput(command: Command): Command {
  return command.option('--json', 'answer in JSON').option('-q, --quiet', 'say only what matters')
}

export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}
