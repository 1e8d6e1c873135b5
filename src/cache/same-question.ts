/**
 * Whether two questions that sound alike ask the same. Embeddings place "50 mg" beside "500 mg" and "is it" beside "is it
 * not"; what must never be confused is compared letter by letter here, before an answer is given to another question.
 */

/** Whether all that a meaning hangs on is the same in both: numbers, quotations, code, addresses, names, negations. */
export function factsAgree(left: string, right: string): boolean {
  return isSameList(factsOf(left), factsOf(right))
}

/** Whether both say the same words in the same order, fillers, politeness and plurals aside. */
export function wordsAgree(left: string, right: string): boolean {
  return isSameList(contentWords(left), contentWords(right))
}

function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((item, at) => item === right[at])
}

/** What is taken out and compared as it stands, first the longest kinds: what stands in code is no number of the text. */
const LITERALS: readonly RegExp[] = [
  /```[^]*?```/gu,
  /`[^`]+`/gu,
  /"[^"]+"|“[^”]+”|„[^“”]+[“”]|«[^»]+»/gu,
  /(?<![\p{L}\p{N}])'[^']+'(?![\p{L}\p{N}])/gu,
  /\b[a-z][a-z0-9+.-]*:\/\/\S+|\S+@\S+\.\S+/giu,
  // Words of code: a digit, an underscore, a capital within, signs that join them.
  /[\p{L}\p{N}_$]*(?:_|\p{Ll}\p{Lu}|::|->|\(\))[\p{L}\p{N}_$:>().-]*/gu,
  /[-+]?[$€£¥%]?\p{N}[\p{L}\p{N}.,:/%°-]*/gu,
  /[<>=!&|^~*/\\]+/gu,
]

function factsOf(text: string): readonly string[] {
  const facts: string[] = []
  let rest = text.normalize('NFC')
  for (const pattern of LITERALS) {
    rest = rest.replace(pattern, (literal) => {
      facts.push(literal.replace(/[.,:;?!]+$/u, ''))
      return ' '
    })
  }
  for (const word of wordsOf(rest)) if (isNegation(word.toLowerCase())) facts.push('not')
  facts.push(...namesOf(rest))
  return facts
}

/** Words with a capital where no sentence begins. */
function namesOf(text: string): readonly string[] {
  const names: string[] = []
  let isStart = true
  for (const [token] of text.matchAll(/[\p{L}\p{M}'’-]+|[.?!\n:]/gu)) {
    if (!isStart && token !== 'I' && /^\p{Lu}/u.test(token)) names.push(token.toLowerCase())
    isStart = /^[.?!\n:]$/.test(token)
  }
  return names
}

function wordsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*/gu) ?? []
}

function isNegation(word: string): boolean {
  return negations.has(word) || /n['’]t$/.test(word)
}

const negations: ReadonlySet<string> = new Set(
  (
    'not no never none nothing nobody nor neither without cannot except unless ' +
    'nicht kein keine keinen keiner keinem nie niemals ohne außer ' +
    'ne pas jamais sans aucun aucune rien sauf ' +
    'nunca sin ningún ninguna nada jamás ' +
    'não sem nenhum nenhuma mai senza nessuno nessuna'
  ).split(' '),
)

function contentWords(text: string): readonly string[] {
  let asked = text.normalize('NFC').toLowerCase().replaceAll('’', "'")
  for (const [phrase, instead] of PHRASES) asked = asked.replace(phrase, instead)
  return wordsOf(asked)
    .map((word) => word.replace(CONTRACTED, ''))
    .filter((word) => !fillers.has(word))
    .map(singular)
}

/** `what's` and `what is`: what is left out is a filler. */
const CONTRACTED = /'(?:s|re)$/

function singular(word: string): string {
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word
}

/** Ways to begin that say nothing of what is asked. Elsewhere who does it counts: "what can you do" is not "what can I do". */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:can|could|would|will) you (?:please |kindly )?(?=tell|give|show|explain|list|describe|write|help)/gu,
    ' ',
  ],
  [/\b(?:tell|show|explain to) (?:me|us)\b/gu, ' '],
  [/\bi(?: would|'d)? (?:want|need|like) to know\b|\bdo you know\b/gu, ' '],
  [/\bhow (?:do|can) (?:i|we|you|one)\b|\bhow to\b/gu, 'how'],
  [/\bthank you\b|\bthanks\b|\bplease\b|\bkindly\b|^\s*(?:hello|hi|hey)\b/gu, ' '],
]

/** Words that a question may have or lack and ask the same. Tenses, persons and prepositions stay. */
const fillers: ReadonlySet<string> = new Set(
  'a an the my is are do does just also so ok okay bitte danke'.split(' '),
)
