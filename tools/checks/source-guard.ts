/**
 * Rules about what the text of this repository may contain, too simple for a linter and too important for memory:
 * no child processes (SEC-58), one place that dials (SEC-7), no way to switch TLS verification off (SEC-8), nothing
 * that ties the code to one machine or registry, no pattern made of what a client says (SEC-34), no text that is run
 * (SEC-52), and no files where requests are read (SEC-38).
 */

import { lineAt, maskSource, type MaskedSource } from './mask.ts'
import type { SourceFiles } from './source-files.ts'

interface Rule {
  readonly message: string
  readonly pattern: RegExp
  /** Whether the pattern is searched in code alone, or in comments and strings as well. */
  readonly searches: 'code' | 'text'
  applies(path: string): boolean
}

const isTypeScript = (path: string): boolean => path.endsWith('.ts')
const isTest = (path: string): boolean => /\.(?:test|contract|test-support)\.ts$/.test(path)
const isProduct = (path: string): boolean => path.startsWith('src/') && isTypeScript(path) && !isTest(path)
const mayNotDial = (path: string): boolean => isProduct(path) && !path.startsWith('src/upstream/')
const isLockFile = (path: string): boolean => path.endsWith('package-lock.json')

/** Files that make patterns from their own words alone, or from the operator's and the drill's: none of it is a client's. */
const FIXED_PATTERNS: ReadonlySet<string> = new Set([
  'src/dialects/refusal-text.ts',
  'src/dialects/refusal-wordings.ts',
  'src/drill/engine/world-transport.ts',
  'src/drill/load-for-drill.ts',
  'src/http/admin/access.ts',
  'src/keys/virtual-key.ts',
  'src/resilience/reset-values.ts',
  'src/simulator/faults/content-faults.ts',
])

/** Where files are opened: none of it is where requests are read, translated or sent, but for the form that spools without a name. */
const OPENS_FILES: readonly string[] = [
  'src/app/',
  'src/cli/',
  'src/drill/load-for-drill.ts',
  'src/http/descriptor-probe.ts',
  'src/providers/model-facts.ts',
  'src/std/append-log.ts',
  'src/std/master-secret.ts',
  'src/std/replace-file.ts',
  'src/std/spool.ts',
  'src/stores/',
  'src/telemetry/log-sink.ts',
]
const mayNotOpenFiles = (path: string): boolean =>
  isProduct(path) && !OPENS_FILES.some((allowed) => path.startsWith(allowed))

const rules: readonly Rule[] = [
  {
    message: 'SEC-58: the gateway starts no child processes',
    pattern: /['"](?:node:)?(?:child_process|cluster)['"]/g,
    searches: 'text',
    applies: isProduct,
  },
  {
    message: 'SEC-7: only src/upstream/ dials; hand in a Transport instead of undici',
    pattern: /\bfrom\s*['"]undici['"]|\bimport\s*\(?\s*['"]undici['"]/g,
    searches: 'text',
    applies: mayNotDial,
  },
  {
    message: 'SEC-7: only src/upstream/ dials; hand in a Transport',
    pattern:
      /(?<![\w$.#]|function )fetch\s*\(|\bglobalThis\.fetch\b|\b(?:https?|http2|tls|net|dgram)\.(?:request|get|connect|createConnection|createSocket)\s*\(|\bnew (?:WebSocket|EventSource|Socket|TLSSocket)\b/g,
    searches: 'code',
    applies: mayNotDial,
  },
  {
    message: 'SEC-7: only src/upstream/ dials; import the server side of this module and nothing else',
    pattern:
      /\bimport\s*\{[^}]*\b(?:request|get|connect|createConnection|createSocket)\b[^}]*\}\s*from\s*['"](?:node:)?(?:https?|http2|tls|net|dgram)['"]/g,
    searches: 'text',
    applies: mayNotDial,
  },
  {
    message: 'SEC-8: TLS verification cannot be switched off',
    pattern: /\brejectUnauthorized\s*:\s*false|\binsecureHTTPParser\s*:\s*true/g,
    searches: 'code',
    applies: isTypeScript,
  },
  {
    message: 'SEC-8: certificates and versions of TLS are judged by Node, by its own rules',
    pattern:
      /\brejectUnauthorized\s*:(?!\s*(?:true|false)\b)|\bcheckServerIdentity\s*[:(]|\bminVersion\s*:(?!\s*['"]TLSv1\.[23]['"])/g,
    searches: 'text',
    applies: isProduct,
  },
  {
    message: 'SEC-52: no text is run, and nothing is loaded by a name that is made while the gateway runs',
    pattern:
      /\beval\s*\(|\bnew Function\b|(?<![\w.])Function\s*\(|\bimport\s*\((?!\s*['"])|\bcreateRequire\b|\bgetBuiltinModule\b|\bprocess\.(?:binding|dlopen)\b/g,
    searches: 'code',
    applies: isProduct,
  },
  {
    message: 'SEC-52: no text is run',
    pattern: /['"](?:node:)?(?:vm|repl|wasi)['"]/g,
    searches: 'text',
    applies: isProduct,
  },
  {
    message: 'SEC-38: files are opened elsewhere; nothing that a client says names one',
    pattern: /['"](?:node:)?(?:fs|fs\/promises|sqlite)['"]/g,
    searches: 'text',
    applies: mayNotOpenFiles,
  },
  {
    message:
      'SEC-34: a pattern made while the gateway runs could be a client’s: write it as a literal, or search for text',
    pattern: /\bRegExp\s*\(/g,
    searches: 'code',
    applies: (path) => isProduct(path) && !FIXED_PATTERNS.has(path),
  },
  {
    message: '"any" has found no use yet; parse unknown into a precise type',
    pattern: /(?:[:<|&,]|\bas|=>)\s*any\b(?!\s*[:(])/g,
    searches: 'code',
    applies: isTypeScript,
  },
  {
    message: 'a path of one machine',
    pattern: /(?<![\w.-])\/(?:work|root|home|Users)\/\w/g,
    searches: 'text',
    applies: (path) => !isLockFile(path),
  },
  {
    message: 'the host name of a package registry',
    pattern: /\bregistry\.[a-z]+js\.|\bnpm(?:mirror|\.pkg)\.|\b(?:art[i]factory|verdacci[o]|jfro[g])\b/gi,
    searches: 'text',
    applies: () => true,
  },
]

/** SEC-8: this variable may be read, so that the gateway can refuse to start with it, and never set. */
const tlsVariable = ['NODE', 'TLS', 'REJECT', 'UNAUTHORIZED'].join('_')

/** The complaints about a set of files as `path:line: what is wrong`. */
export function guardSources(files: SourceFiles): readonly string[] {
  return [...files].flatMap(([path, text]) => [
    ...guardFile(path, text),
    ...(isProduct(path) ? assignmentsOfTlsVariable(path, text) : []),
  ])
}

function guardFile(path: string, text: string): readonly string[] {
  const applying = rules.filter((rule) => rule.applies(path))
  if (applying.length === 0) return []
  const masked = isTypeScript(path) ? maskSource(text) : { text, code: text }
  return applying.flatMap((rule) => findings(path, masked, rule))
}

function findings(path: string, masked: MaskedSource, rule: Rule): readonly string[] {
  const searched = rule.searches === 'code' ? masked.code : masked.text
  return [...searched.matchAll(rule.pattern)].map(
    (match) =>
      `${path}:${lineAt(masked.text, match.index)}: ${rule.message} (${masked.text.slice(match.index, match.index + match[0].length).trim()})`,
  )
}

function assignmentsOfTlsVariable(path: string, text: string): readonly string[] {
  const pattern = new RegExp(`\\benv(?:\\.|\\[['"])${tlsVariable}(?:['"]\\])?\\s*=(?!=)`, 'g')
  return [...text.matchAll(pattern)].map(
    (match) => `${path}:${lineAt(text, match.index)}: SEC-8: TLS verification cannot be switched off`,
  )
}
