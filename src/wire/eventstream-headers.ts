/** The headers of one frame of an AWS event stream: name length u8, name, type u8, value. */

/** Bytes of a value by its type, for the types of fixed size. */
const FIXED_BYTES: ReadonlyMap<number, number> = new Map([
  [0, 0],
  [1, 0],
  [2, 1],
  [3, 2],
  [4, 4],
  [5, 8],
  [8, 8],
  [9, 16],
])
const TYPE_BYTES = 6
const TYPE_TEXT = 7

/** The headers as text; `undefined` where they do not fill their bytes exactly or have an unknown type. */
export function readEventStreamHeaders(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>()
  let position = 0
  while (position < bytes.length) {
    const nameEnd = position + 1 + (bytes[position] ?? 0)
    const type = bytes[nameEnd]
    if (type === undefined) return undefined
    const valueAt = nameEnd + 1 + (FIXED_BYTES.has(type) ? 0 : 2)
    const length = FIXED_BYTES.get(type) ?? lengthAt(bytes, nameEnd + 1, type)
    if (length === undefined || valueAt + length > bytes.length) return undefined
    const name = bytes.toString('utf8', position + 1, nameEnd)
    headers.set(name, valueText(bytes.subarray(valueAt, valueAt + length), type))
    position = valueAt + length
  }
  return headers
}

function lengthAt(bytes: Buffer, position: number, type: number): number | undefined {
  const isSized = type === TYPE_BYTES || type === TYPE_TEXT
  return isSized && position + 2 <= bytes.length ? bytes.readUInt16BE(position) : undefined
}

function valueText(value: Buffer, type: number): string {
  switch (type) {
    case 0:
      return 'true'
    case 1:
      return 'false'
    case 2:
    case 3:
    case 4:
      return String(value.readIntBE(0, value.length))
    case 5:
    case 8:
      return String(value.readBigInt64BE())
    case TYPE_TEXT:
      return value.toString('utf8')
    default:
      return value.toString('base64')
  }
}
