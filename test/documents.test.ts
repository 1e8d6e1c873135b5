/** Keeps the documents true: both READMEs alike, links and file names that lead somewhere, decisions in order. */

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readSourceFiles, repositoryRoot } from '../tools/checks/source-files.ts'
import { fencesOf } from './support/fences.ts'

const files = readSourceFiles()
const english = files.get('README.md') ?? ''
const chinese = files.get('README.zh-CN.md') ?? ''

describe('the two READMEs', () => {
  test('say the same: commands, programs, configuration', () => {
    const blocks = (markdown: string) => fencesOf(markdown.replaceAll(/ +# .*$/gm, ''))
    expect(blocks(chinese)).toEqual(blocks(english))
    expect(blocks(english).length).toBeGreaterThan(8)
  })

  test('have the same sections, tables and links', () => {
    const shape = (markdown: string) => ({
      headings: [...markdown.matchAll(/^#+ /gm)].map(([hashes]) => hashes),
      code: namesIn(markdown),
      links: [...markdown.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link).filter(isNoReadme),
    })
    expect(shape(chinese)).toEqual(shape(english))
  })
})

describe('documents', () => {
  const documents = [...files].filter(([path]) => path.endsWith('.md'))

  test.each(documents)('%s links only to files that exist', (path, text) => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link ?? '')
    const missing = links.filter((link) => !existsSync(join(repositoryRoot, dirname(path), link)))
    expect(missing).toEqual([])
  })

  test.each(documents)('%s names only source files that exist', (_path, text) => {
    const named = [...text.matchAll(/`((?:src|test|tools|bench|docs)\/[\w./-]*\w)`/g)].map(
      ([, name]) => name ?? '',
    )
    expect(named.filter((name) => !existsSync(join(repositoryRoot, name)))).toEqual([])
  })

  test('docs/adding-a-provider.md names the files that adding a provider touches', () => {
    const text = files.get('docs/adding-a-provider.md') ?? ''
    for (const name of ['src/providers/provider.ts', 'src/providers/index.ts', 'src/providers/quirks.ts']) {
      expect(text).toContain(name)
    }
  })

  test('decisions are numbered without gaps, dated, and name what lost', () => {
    const decisions = documents
      .filter(([path]) => path.startsWith('docs/decisions/'))
      .toSorted(([one], [other]) => one.localeCompare(other))
    expect(decisions.length).toBeGreaterThan(0)
    for (const [at, [path, text]] of decisions.entries()) {
      const number = String(at + 1).padStart(4, '0')
      expect(path).toContain(`/${number}-`)
      expect(text).toMatch(new RegExp(`^# ${number} .+\n\n\\d{4}-\\d{2}-\\d{2} · \\w+\n`))
      expect(text).toMatch(/alternatives? that lost/)
    }
  })
})

function namesIn(markdown: string): readonly string[] {
  const prose = markdown.replaceAll(/^```[^]*?^```$/gm, '')
  const names = [...prose.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '')
  return names.filter((name) => /^[\x20-\x7e]+$/.test(name) && name !== 'provider/model').toSorted()
}

function isNoReadme(link: string | undefined): boolean {
  return link !== undefined && !link.startsWith('README')
}
