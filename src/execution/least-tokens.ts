/** How many bytes a text has, and how many tokens at the least, whatever tokenizer made it: a number that no honest count is below. */

/**
 * Why words, and why two to a token. An answer may be ended only where it is certain to be beyond its ceiling, and bytes
 * say little of that: the longest tokens of published vocabularies are 128 spaces, ordinary text has 3 to 6 bytes a token.
 * But the splitting before byte-pair encoding (OpenAI, Llama, Qwen, DeepSeek) and SentencePiece (Gemma, Mistral) keep
 * words apart: no token of OpenAI's two vocabularies of today counts for more than one here, and few for more than half.
 * So a text of n words has at least n / 2 tokens, and a tokenizer that joins words may join two of them on average.
 *
 * What it costs: measured with o200k, English is known to be beyond its ceiling at 3 times of it, code and JSON at 4 to 8
 * times, Chinese and Thai at 14 to 22 times, one character for ever at up to 128 times. A closer measure, such as three
 * bytes a token, would end answers that kept to their ceiling. Where a provider tells its usage as it goes, that counts.
 */
const WORDS_A_TOKEN_MAX = 2
/** Of anything: the longest tokens are runs of spaces and dashes. */
const CHARACTERS_A_TOKEN_MAX = 128
/** A run of letters that is longer counts as several words; what is not ASCII counts double in it. */
const WORD_LENGTH_MAX = 32

const APOSTROPHE = 0x27
const ASCII_END = 0x80

/** Takes a text in pieces, cut anywhere. */
export class LeastTokens {
  #bytes = 0
  #words = 0
  #characters = 0
  #wordLength = 0
  #last = 0

  /** As UTF-8, each piece by itself. */
  get bytes(): number {
    return this.#bytes
  }

  get count(): number {
    return Math.max(this.#words / WORDS_A_TOKEN_MAX, this.#characters / CHARACTERS_A_TOKEN_MAX)
  }

  /** One loop over local values: it sees every character of every answer that a budget pays for. */
  add(text: string): void {
    const { length } = text
    let words = this.#words
    let wordLength = this.#wordLength
    let last = this.#last
    let codes = 0
    for (let at = 0; at < length; at += 1) {
      const code = text.charCodeAt(at)
      const weight = code < ASCII_END ? (WEIGHTS[code] ?? 0) : isWideSpace(code) ? 0 : 2
      // One character again and again is one token for long; an apostrophe is a part of the word it stands in.
      if (weight === 0) wordLength = code === APOSTROPHE ? wordLength : 0
      else if (wordLength === 0 || (code !== last && wordLength + weight > WORD_LENGTH_MAX)) {
        words += 1
        wordLength = weight
      } else if (code !== last) wordLength += weight
      last = code
      codes |= code
    }
    this.#bytes += codes < ASCII_END ? length : Buffer.byteLength(text)
    this.#characters += length
    this.#words = words
    this.#wordLength = wordLength
    this.#last = last
  }
}

/** By character of ASCII: 1 for letters and digits. */
const WEIGHTS = Uint8Array.from({ length: ASCII_END }, (_, code) =>
  /[0-9a-z]/i.test(String.fromCharCode(code)) ? 1 : 0,
)

function isWideSpace(code: number): boolean {
  return code === 0xa0 || code === 0x3000 || code === 0xfeff || (code >= 0x2000 && code <= 0x200f)
}
