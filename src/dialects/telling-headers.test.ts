import { expect, test } from 'vitest'
import { anthropicMessages } from './anthropic-messages/index.ts'
import { openaiChat } from './openai-chat/index.ts'
import { openaiResponses } from './openai-responses/index.ts'
import { TELLING_HEADERS, tellingOf } from './telling-headers.ts'

test('what most requests have says nothing', () => {
  expect(tellingOf({}, openaiChat)).toBe('')
  expect(tellingOf({ 'user-agent': 'x', 'openai-beta': ' , ' }, openaiChat)).toBe('')
  expect(tellingOf({ 'anthropic-version': ' 2023-06-01 ' }, anthropicMessages)).toBe('')
})

test('a version and a beta say something, each under its own name', () => {
  const said = [
    { 'anthropic-version': '2024-01-01' },
    { 'anthropic-beta': '2024-01-01' },
    { 'openai-beta': '2024-01-01' },
    { 'anthropic-beta': 'a' },
    { 'anthropic-beta': 'a,b' },
  ].map((headers) => tellingOf(headers, anthropicMessages))
  expect(new Set(said).size).toBe(5)
  expect(said).not.toContain('')
})

test('the order, the spaces and the repetitions of a list say nothing', () => {
  const of = (value: string | readonly string[]) => tellingOf({ 'anthropic-beta': value }, anthropicMessages)
  for (const value of [' b ,a', 'a,b,,a', ['b', 'a']]) expect(of(value)).toBe(of('a,b'))
})

test('each is forwarded to the targets of a dialect', () => {
  const forwarded = [anthropicMessages, openaiChat, openaiResponses].flatMap(
    ({ forwardedHeaders }) => forwardedHeaders,
  )
  for (const name of TELLING_HEADERS) expect(forwarded).toContain(name)
})
