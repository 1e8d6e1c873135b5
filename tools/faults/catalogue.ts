/** The fault catalogue in a few words a row, and why some rows are not proved here. */

export interface CatalogueRow {
  readonly row: number
  /** What goes wrong. */
  readonly fault: string
  /** Why no test is asked for yet; absent: it is in scope. */
  readonly outside?: string
  /** What the design asks of the row and the gateway does not do, although what its tests check holds. */
  readonly lacking?: string
}

const KEYS = 'waits for the ledger and the keys that it bills'
const PROCESS = 'about the process and what it stands on, not about a request'

/** By number, as they are written down in the design. */
const words: Readonly<Record<number, string>> = {
  1: 'the port is closed',
  2: 'a connect that nobody answers',
  3: 'a host name that does not exist',
  4: 'a name server that hangs',
  5: 'a public name that turns into an address of this machine or network',
  6: 'a certificate that proves nothing, or only old TLS',
  7: 'a TLS handshake that stalls',
  8: 'a reset before any header',
  9: 'a reset while the request is being sent',
  10: 'an answer before the request was read',
  11: 'no byte after the request',
  12: 'a kept connection that died',
  13: 'a socket that died without a word',
  14: 'HTTP/2 and its ways to say no (only HTTP/1.1 is spoken)',
  15: 'bytes that are no HTTP',
  16: 'interim answers without an end',
  17: 'headers byte by byte',
  18: 'an outbound proxy (none is used, whatever the environment says)',
  19: 'a 429 that says when',
  20: 'a 429 for ever',
  21: 'a Retry-After that makes no sense',
  22: 'two waits that disagree',
  23: 'no quota and no money left',
  24: 'a daily quota without a reset',
  25: 'the operator’s key is refused',
  26: 'a model that is not there',
  27: 'a prompt longer than the window',
  28: 'a prompt that offends a policy',
  29: 'a parameter that is not supported',
  30: 'one 500',
  31: 'a 503 for ever',
  32: 'an overloaded provider',
  33: 'the web page of a proxy',
  34: 'a success that is no answer',
  35: 'a redirect',
  36: 'an error inside a 200',
  37: 'an error body that is none',
  38: 'an error that echoes secrets',
  39: 'an outage of a minute, and one that comes and goes',
  40: 'a probe that begins well and ends dead',
  41: 'every target is out',
  42: 'limit headers that make no sense',
  43: 'JSON cut at any byte',
  44: 'a body shorter than it says',
  45: 'blank lines before the body',
  46: 'a body without an end',
  47: 'encodings nobody asked for',
  48: 'JSON as strange as it can be',
  49: 'no choice, no message, no content',
  50: 'usage that nobody can believe',
  51: 'a body byte by byte',
  52: 'another model than was asked for',
  53: 'an answer on another request’s socket',
  54: 'a first token that is late or never comes',
  55: 'only signs of life',
  56: 'an opening, then a reset',
  57: 'a cut in the middle',
  58: 'silence in the middle',
  59: 'an end without a finish',
  60: 'a finish without an end',
  61: 'an event that is no JSON',
  62: 'an error before any content',
  63: 'an error after content',
  64: 'an answer that failed or is incomplete',
  65: 'bytes cut anywhere',
  66: 'odd line ends, marks and spaces',
  67: 'characters cut in two, and bytes that are none',
  68: 'events that are huge or countless',
  69: 'usage told oddly',
  70: 'choices told oddly',
  71: 'tool calls told oddly',
  72: 'a cut inside a tool call',
  73: 'a cut inside signed thoughts',
  74: 'a fallback that takes no beginning of an answer',
  75: 'a fallback that says something else',
  76: 'events after the end',
  77: 'a content filter in the middle',
  78: 'the other framing than was asked for',
  79: 'binary frames that do not add up',
  80: 'a generation without an end',
  81: 'a provider faster than the client',
  82: 'events out of order',
  83: 'a prompt that is blocked',
  84: 'a natural end and not one word',
  85: 'a tool call its own provider could not read',
  86: 'a ceiling met while thinking',
  87: 'an answer that breaks its schema',
  88: 'what nobody knows yet',
  89: 'a fallback that lacks a feature',
  90: 'a model withdrawn overnight',
  91: 'a model without a price',
  92: 'a body that is no JSON object',
  93: 'a body beyond the cap',
  94: 'a body that is deep or wide',
  95: 'names of built-in properties',
  96: 'text that is no text',
  97: 'an encoded body, or a bomb',
  98: 'fields of the wrong type',
  99: 'numbers at the edge',
  100: 'a request two parsers read differently',
  101: 'line breaks in what becomes a header',
  102: 'headers that are not the client’s to send',
  103: 'a client as slow as can be',
  104: 'thousands of idle connections',
  105: 'a client that leaves the queue',
  106: 'a client that leaves before the first token',
  107: 'a client that leaves in the middle',
  108: 'a client that leaves a plain call',
  109: 'a client that leaves at the very end',
  110: 'a client that closes its half',
  111: 'a client that reads slowly or not at all',
  112: 'the same idempotency key ten times at once',
  113: 'the same idempotency key for another body',
  114: 'the same idempotency key after a restart',
  115: 'a storm of client retries',
  116: 'keys that are wrong in every way',
  117: 'a hundred requests racing for one budget',
  118: 'a model nobody may use, and routes in a circle',
  119: 'tricks with paths',
  120: 'HTTP beyond one request and one answer',
  121: 'addresses inside the prompt',
  122: 'event syntax inside the prompt',
}

const outside: Readonly<Record<number, string>> = {
  112: KEYS,
  113: KEYS,
  114: KEYS,
  116: KEYS,
  117: KEYS,
}

const lacking: Readonly<Record<number, string>> = {
  14: 'HTTP/2 is not spoken, so its refusals are never met',
  18: 'an outbound proxy cannot be configured',
  33: 'of a page’s words the log keeps 200 characters, not a kilobyte',
  74: 'a fallback that refused the beginning is not asked to answer anew for the same request',
  98: 'a sampling field of the wrong type in a Gemini request is ignored instead of refused',
}

export const catalogue: readonly CatalogueRow[] = Object.entries(words).map(([number, fault]) => {
  const row = Number(number)
  const [reason, gap] = [outside[row], lacking[row]]
  return {
    row,
    fault,
    ...(reason === undefined ? {} : { outside: reason }),
    ...(gap === undefined ? {} : { lacking: gap }),
  }
})

/** What the rows after the last one of the catalogue are about. */
export const beyondCatalogue = { from: 123, to: 150, reason: PROCESS } as const
