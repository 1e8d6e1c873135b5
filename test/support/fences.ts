/** Takes Markdown apart into its fenced blocks and the commands in them, so that tests can run what documents say. */

export interface Fence {
  readonly language: string
  readonly text: string
}

/** Every fenced block, without its indentation. */
export function fencesOf(markdown: string): readonly Fence[] {
  return [...markdown.matchAll(/^( *)```(\w*)\n([^]*?)^\1```$/gm)].map((match) => ({
    language: match[2] ?? '',
    text: (match[3] ?? '').replaceAll(new RegExp(`^${match[1] ?? ''}`, 'gm'), ''),
  }))
}

/** The commands of all `sh` blocks, continued lines joined. */
export function commandsOf(markdown: string): readonly string[] {
  return fencesOf(markdown)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, '').split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}
