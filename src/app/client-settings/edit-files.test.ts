import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { editContinue } from './edit-continue.ts'
import { editDotenv } from './edit-dotenv.ts'
import type { Edited } from './edited.ts'
import { editJson, type JsonEdit } from './edit-json.ts'
import { editToml, type TomlEdit } from './edit-toml.ts'
import { editYaml } from './edit-yaml.ts'

const textOf = (edited: Edited): string => (edited.ok ? edited.text : `REFUSED: ${edited.reason}`)

describe('JSON', () => {
  const edits: readonly JsonEdit[] = [
    { path: ['env', 'URL'], value: 'http://h' },
    { path: ['env', 'KEY'], value: 'k' },
  ]

  test.each([
    ['nothing', '', '{\n  "env": {\n    "URL": "http://h",\n    "KEY": "k"\n  }\n}\n'],
    ['an empty object', '{}', '{\n  "env": {\n    "URL": "http://h",\n    "KEY": "k"\n  }\n}'],
    ['an object on one line', '{"env": {"URL": "x"}}', '{"env": {"URL": "http://h", "KEY": "k"}}'],
    ['what is right already', '{"env":{"KEY":"k","URL":"http://h"}}', '{"env":{"KEY":"k","URL":"http://h"}}'],
    [
      'a file with comments, tabs, a comma at the end and a number too large for us',
      '{\n\t// mine\n\t"n": 12345678901234567890, /* b */\n\t"env": {\n\t\t"URL": "old", // was\n\t},\n}\n',
      '{\n\t// mine\n\t"n": 12345678901234567890, /* b */\n\t"env": {\n\t\t"URL": "http://h",\n\t\t"KEY": "k" // was\n\t},\n}\n',
    ],
    [
      'a name written twice',
      '{"env": 1, "env": {"KEY": "x"}}',
      '{"env": 1, "env": {"KEY": "k", "URL": "http://h"}}',
    ],
  ])('is set in %s', (_, before, after) => {
    const edited = textOf(editJson(before, edits))
    expect(edited).toBe(after)
    expect(textOf(editJson(edited, edits))).toBe(edited)
  })

  test.each([
    ['a list', '[]', 'is not a JSON object'],
    ['broken text', '{"a": }', 'is not a JSON object'],
    ['text after the end', '{} {}', 'is not a JSON object'],
    ['a text where fields belong', '{"env": "x"}', 'holds something else than fields at env'],
    ['endless nesting', '{"a":'.repeat(10_000), 'is not a JSON object'],
  ])('is refused in %s', (_, before, reason) => {
    expect(editJson(before, edits)).toEqual({ ok: false, reason })
  })

  test('changes nothing but what it sets, in any object', () => {
    const name = fc.oneof(fc.string(), fc.constantFrom('env', '__proto__', 'constructor', 'URL'))
    const object = fc.dictionary(name, fc.jsonValue({ maxDepth: 3 }))
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 2, '\t'), (value, space) => {
        const before = JSON.stringify(value, undefined, space)
        const own = JSON.parse(before)
        fc.pre(
          own.env === undefined ||
            (typeof own.env === 'object' && own.env !== null && !Array.isArray(own.env)),
        )
        const after = JSON.parse(textOf(editJson(before, edits)))
        expect(after.env).toEqual({ ...own.env, URL: 'http://h', KEY: 'k' })
        const { env: _, ...rest } = own
        const { env: __, ...left } = after
        expect(JSON.stringify(left)).toBe(JSON.stringify(rest))
      }),
    )
  })
})

describe('TOML', () => {
  const provider = ['model_providers', 'holdfast']
  const edits: readonly TomlEdit[] = [
    { table: [], key: 'model_provider', value: 'holdfast' },
    { table: provider, key: 'base_url', value: 'http://h/v1' },
    { table: provider, key: 'env_key', value: 'HOLDFAST_KEY' },
  ]
  const block = '[model_providers.holdfast]\nbase_url = "http://h/v1"\nenv_key = "HOLDFAST_KEY"\n'

  test.each([
    ['nothing', '', `model_provider = "holdfast"\n\n${block}`],
    ['a table', '[tools]\nweb = true\n', `model_provider = "holdfast"\n\n[tools]\nweb = true\n\n${block}`],
    [
      'other values, with their comments',
      '# mine\nmodel = "gpt-5" # best\nmodel_provider = "openai" # was\n[a]\nb = 1',
      `# mine\nmodel = "gpt-5" # best\nmodel_provider = "holdfast" # was\n[a]\nb = 1\n\n${block}`,
    ],
    [
      'a table that is there, with more in it',
      '[model_providers.holdfast]\nname = "Mine"\nbase_url = \'http://old\'\n\n[model_providers."b.c"]\nbase_url = "x"\n',
      'model_provider = "holdfast"\n\n[model_providers.holdfast]\nname = "Mine"\nbase_url = "http://h/v1"\nenv_key = "HOLDFAST_KEY"\n\n[model_providers."b.c"]\nbase_url = "x"\n',
    ],
    [
      'texts and lists over several lines that look like settings',
      'notes = """\nmodel_provider = "x"\n[model_providers.holdfast]\n"""\nlist = [\n  "]", # ]\n  "b",\n]\n',
      `notes = """\nmodel_provider = "x"\n[model_providers.holdfast]\n"""\nlist = [\n  "]", # ]\n  "b",\n]\nmodel_provider = "holdfast"\n\n${block}`,
    ],
    [
      'line ends of Windows',
      'a = 1\r\n',
      `a = 1\r\nmodel_provider = "holdfast"\r\n\r\n${block.replaceAll('\n', '\r\n')}`,
    ],
  ])('is set in %s', (_, before, after) => {
    const edited = textOf(editToml(before, edits))
    expect(edited).toBe(after)
    expect(textOf(editToml(edited, edits))).toBe(edited)
  })

  test.each([
    [
      'a dotted key',
      'model_providers.holdfast.base_url = "x"\n',
      'sets model_providers.holdfast.base_url in a way',
    ],
    [
      'a table on one line',
      'model_providers = { holdfast = {} }\n',
      'sets model_providers in a way of its own',
    ],
    [
      'a table in a table',
      '[model_providers]\nholdfast = {}\n',
      'sets model_providers.holdfast in a way of its own',
    ],
    ['a list of tables', '[[model_providers]]\nname = "x"\n', 'has a list of tables at model_providers'],
    ['an open text', 'a = "b\n', 'is not TOML'],
    ['an open list', 'a = [1,\n', 'is not TOML'],
    ['no TOML', '{"a": 1}', 'is not TOML'],
    ['two values on a line', 'a = 1 "b" ]\n', 'is not TOML'],
  ])('is refused where the file has %s', (_, before, reason) => {
    expect(textOf(editToml(before, edits))).toContain(`REFUSED: ${reason}`)
  })

  test('never throws, and never changes twice, whatever the text', () => {
    const piece = fc.constantFrom(
      'a',
      '=',
      '"',
      "'",
      '"""',
      '[',
      ']',
      '{',
      '}',
      '#',
      '\n',
      '\r\n',
      '.',
      ' ',
      '1',
      '\\',
    )
    const twice = (text: string) => {
      const edited = editToml(text, edits)
      return { edited, again: edited.ok ? editToml(edited.text, edits) : edited }
    }
    const texts = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''))
    const isStable = fc.property(texts, (text) => {
      const { edited, again } = twice(text)
      return edited.ok === again.ok && (!edited.ok || (again.ok && again.text === edited.text))
    })
    expect(fc.check(isStable, { numRuns: 2_000 })).toMatchObject({ failed: false })
  })
})

describe('.env', () => {
  test('sets variables, each of them wherever it stands, and keeps the rest', () => {
    const before = '# mine\nexport URL="old"\nOTHER=1\nURL=older'
    const edited = textOf(
      editDotenv(before, [
        ['URL', 'http://h'],
        ['KEY', "a b'c"],
      ]),
    )
    expect(edited).toBe("# mine\nURL=http://h\nOTHER=1\nURL=http://h\nKEY='a b'c'\n")
  })

  test('leaves alone what is right already, in its own quotes', () => {
    const before = 'export URL="http://h"\r\n'
    expect(textOf(editDotenv(before, [['URL', 'http://h']]))).toBe(before)
  })
})

describe('YAML', () => {
  const fields = { 'openai-api-base': 'http://h/v1', model: 'openai/smart' }

  test('gets its fields beside the others, comments and long lines kept', () => {
    const long = `message: ${'word '.repeat(40)}end`
    const before = `# mine\nmodel: old # the best\n${long}\nread: [a.md]\n`
    const edited = textOf(editYaml(before, fields))
    expect(edited).toBe(
      `# mine\nmodel: openai/smart # the best\n${long}\nread: [ a.md ]\nopenai-api-base: http://h/v1\n`,
    )
    expect(textOf(editYaml(edited, fields))).toBe(edited)
  })

  test('keeps the comments of a file that is nothing else', () => {
    const edited = textOf(editYaml('# all of it\n\n# model: xxx\n', fields))
    expect(edited).toMatch(/# all of it\n\n# model: xxx\n/)
    expect(parse(edited)).toEqual(fields)
  })

  test.each([
    ['a list', '- a\n', 'is not a set of fields'],
    ['broken text', 'a: [\n', 'is not valid YAML'],
    ['an anchor', 'model: &m x\nweak-model: *m\n', 'gives model an anchor that others may refer to'],
  ])('is refused in %s', (_, before, reason) => {
    expect(editYaml(before, fields)).toEqual({ ok: false, reason })
  })
})

describe("Continue's YAML", () => {
  const model = { name: 'Holdfast', provider: 'openai', model: 'smart', apiBase: 'http://h/v1', apiKey: 'k' }

  test('gets the model beside the others, comments kept', () => {
    const before =
      '# mine\nname: Mine\nversion: 0.0.1\nmodels:\n  # the first\n  - name: Other\n    model: x\n'
    const edited = textOf(editContinue(before, model))
    expect(edited).toContain('# mine\n')
    expect(edited).toContain('# the first\n')
    expect(parse(edited)).toEqual({
      name: 'Mine',
      version: '0.0.1',
      models: [{ name: 'Other', model: 'x' }, model],
    })
    expect(textOf(editContinue(edited, model))).toBe(edited)
  })

  test('is changed in place where it is there, other fields kept', () => {
    const before = 'models:\n  - name: Holdfast\n    model: old\n    roles: [chat]\n'
    expect(parse(textOf(editContinue(before, model)))).toEqual({ models: [{ ...model, roles: ['chat'] }] })
  })

  test('makes a file that Continue accepts where there is none', () => {
    expect(parse(textOf(editContinue('', model)))).toMatchObject({ schema: 'v1', models: [model] })
  })

  test.each([
    ['a list', '- a\n', 'is not a set of fields'],
    ['models of another kind', 'models: {}\n', 'has something else than a list at models'],
    ['broken text', 'a: [\n', 'is not valid YAML'],
  ])('is refused in %s', (_, before, reason) => {
    expect(editContinue(before, model)).toEqual({ ok: false, reason })
  })
})
