/** Makes any text fit for a header value: SEC-32 says that CR, LF and NUL never reach the wire, whoever wrote the text. */

const HEADER_TEXT_MAX = 512

const PRINTABLE = /^[\x20-\x7e]*$/
const UNPRINTABLE = /[^\x20-\x24\x26-\x7e]/gu

/** The text itself where it is printable ASCII, else percent-encoded; cut to `lengthMax` characters, 512 by default. */
export function headerText(text: string, lengthMax: number = HEADER_TEXT_MAX): string {
  const bounded = text.length > lengthMax ? text.slice(0, lengthMax) : text
  if (PRINTABLE.test(bounded)) return bounded
  return bounded.replace(UNPRINTABLE, encodeCharacter).slice(0, lengthMax)
}

function encodeCharacter(character: string): string {
  try {
    return encodeURIComponent(character)
  } catch {
    // A lone surrogate has no encoding.
    return '%EF%BF%BD'
  }
}
