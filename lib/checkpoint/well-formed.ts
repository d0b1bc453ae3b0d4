/** Whether a string has no lone surrogates, so that UTF-8 can say it. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}
