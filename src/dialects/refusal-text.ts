/** Makes a provider's own words fit to be shown: no markup, no control characters, no ids of the operator's account. */

/** Characters of a provider's message that are kept. */
export const UPSTREAM_MESSAGE_MAX = 1024

/** Characters kept where the message was a page or a text rather than an error object. */
export const UPSTREAM_PAGE_MAX = 200

/** Characters of a message that are looked at; enough for every pattern, and a bound for the search. */
const SEARCHED_MAX = 8192

/** Whether a text is a web page rather than a message. */
export function isPage(text: string): boolean {
  return /<(?:!doctype|html|head|body|title|script|center|h1)[\s>]/i.test(text.slice(0, 2048))
}

/**
 * The words of a refusal that are the provider's own, as far as can be told: clients put theirs into messages by way of
 * wrong values, field names and model names, and must not have them taken for a word about the operator's key.
 */
export function providersOwnWords(
  { message = '', detail = '' }: { readonly message?: string; readonly detail?: string },
  status: number,
): string {
  const searched = message.slice(0, SEARCHED_MAX)
  const own = judgesRequest(status) ? ownWordsOfBadRequest(searched) : searched.replaceAll(QUOTED, '*')
  return `${own} ${detail.slice(0, SEARCHED_MAX)}`
}

function judgesRequest(status: number): boolean {
  return status >= 400 && status < 500 && ![401, 402, 403, 429].includes(status)
}

/** What stands before the first value; a message that names a field at fault begins with it. */
function ownWordsOfBadRequest(message: string): string {
  if (NAMES_A_FIELD.test(message)) return ''
  return message.split(/['"`“‘:]/, 1)[0] ?? ''
}

const QUOTED = /(?<!\w)(['"`])(?:(?!\1)[^\n]){0,200}\1(?!\w)/g
const NAMES_A_FIELD =
  /not permitted|field required|input should be|validation error|un(?:known|recogni[sz]ed|expected|supported) (?:\w+ )?(?:field|key|param|argument|name|property|value)/i

/** A provider's message as one plain line, bounded, without what identifies the operator's account. */
export function sanitiseMessage(text: string): string {
  const searched = text.slice(0, SEARCHED_MAX)
  const page = isPage(searched)
  const plain = page ? textOfPage(searched) : searched
  return bounded(withoutAccounts(oneLine(plain)), page ? UPSTREAM_PAGE_MAX : UPSTREAM_MESSAGE_MAX)
}

/** At most `max` characters, cut between characters, with a sign that it was cut. */
export function bounded(text: string, max: number): string {
  if (text.length <= max) return text
  return `${text.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

/** A page says what it is in its title; without one, its words must do. */
function textOfPage(html: string): string {
  const title = /<title[^>]{0,200}>([^<]{1,400})/i.exec(html)?.[1]?.trim()
  if (title) return title.replaceAll(/[<>]/g, ' ')
  return html
    .replaceAll(/<(?:script|style)[\s\S]{0,8192}?<\/(?:script|style)>/gi, ' ')
    .replaceAll(/<[^<>]{0,2048}>/g, ' ')
    .replaceAll(/[<>]/g, ' ')
}

function oneLine(text: string): string {
  return (
    text
      // Control characters, line separators, and the marks that turn the direction of writing.
      .replaceAll(/[\p{Cc}\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]+/gu, ' ')
      .replaceAll(/ {2,}/g, ' ')
      .trim()
  )
}

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

const accountPatterns: readonly (readonly [RegExp, string])[] = [
  [/\b(?:org|proj|acct|wrkspc|team|user)[-_][A-Za-z0-9]{6,}\b/g, '[account]'],
  [
    new RegExp(`\\b(organi[sz]ation|org|team|workspace|account|user|key id)([ :(]{1,4}|: )${uuid}`, 'gi'),
    '$1$2[account]',
  ],
  [/\b(project_number:|projects?[/= ])\d{6,}/gi, '$1[account]'],
  [/\b(arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:)\d{12}\b/gi, '$1[account]'],
  [/\b(?:sk|pk|rk|gsk|xai|key|csk|fw|hf|nvapi|r8)[-_][A-Za-z0-9_*-]{8,}/g, '[key]'],
  [/\bAIza[A-Za-z0-9_*-]{8,}/g, '[key]'],
  [/\b(api[- ]key(?: provided)?: )[^\s,;]+/gi, '$1[key]'],
  [/\b(bearer )[A-Za-z0-9._~+/*-]{8,}=*/gi, '$1[key]'],
]

function withoutAccounts(text: string): string {
  return accountPatterns.reduce((kept, [pattern, sign]) => kept.replaceAll(pattern, sign), text)
}
