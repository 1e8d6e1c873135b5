import { describe, expect, test } from 'vitest'
import { factsAgree, wordsAgree } from './same-question.ts'

describe('two questions whose facts differ', () => {
  test.each([
    ['Take 50 mg twice a day?', 'Take 500 mg twice a day?'],
    ['Is 1.5 enough?', 'Is 15 enough?'],
    ['What happened in 1914?', 'What happened in 1941?'],
    ['Is it safe to eat?', 'Is it not safe to eat?'],
    ['Why does it work?', "Why doesn't it work?"],
    ['Ist das erlaubt?', 'Ist das nicht erlaubt?'],
    ['Translate "good morning"', 'Translate "good night"'],
    ['Explain `a.sort()`', 'Explain `a.reverse()`'],
    ['Explain ```x = 1```', 'Explain ```x = 2```'],
    ['What is the capital of France?', 'What is the capital of Germany?'],
    ['Summarise https://a.example/x', 'Summarise https://a.example/y'],
    ['What does get_user do?', 'What does get_users do?'],
    ['What does readFile do?', 'What does readLink do?'],
    ['Is a < b?', 'Is a > b?'],
    ['Is it -5?', 'Is it 5?'],
    ['Add 2 and 3', 'Add 3 and 2'],
  ])('do not ask the same: %s | %s', (left, right) => {
    expect(factsAgree(left, right)).toBe(false)
    expect(factsAgree(right, left)).toBe(false)
  })
})

describe('two questions in other words', () => {
  test.each([
    ['How do I reset my password?', 'how can i reset the password'],
    ['Please tell me how to bake bread.', 'How to bake bread?'],
    ['What is the capital of France?', "What's the capital of France?"],
    ['Could you please tell me how to bake bread?', 'How do you bake bread'],
    ['List 3 fruits', 'Please list 3 fruits, thanks'],
  ])('ask the same where only fillers differ: %s | %s', (left, right) => {
    expect(factsAgree(left, right) && wordsAgree(left, right)).toBe(true)
  })

  test.each([
    ['flights from london to paris', 'flights from paris to london'],
    ['what is the capital of france', 'what is the capital of germany'],
    ['how to increase the speed', 'how to decrease the speed'],
    ['dog bites man', 'man bites dog'],
    ['what can you do', 'what can i do'],
    ['who is the president', 'who was the president'],
    ['东京的天气', '北京的天气'],
  ])('do not where one word that counts differs, or its place: %s | %s', (left, right) => {
    expect(wordsAgree(left, right)).toBe(false)
  })
})
