/** −0.012 with the sign that typesetters use, at its width; never −0.000. */
function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return 'unknown'
  const text = value.toFixed(digits)
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−')
}

export function amount(value: number): string {
  return fixed(value, 3)
}

export function signed(value: number): string {
  const text = amount(value)
  return Number(text) > 0 ? `+${text}` : text
}

export function times(value: number): string {
  return fixed(value, 2)
}

export function percent(share: number): string {
  return `${fixed(share * 100, 1)} %`
}

export function interval([low, high]: readonly [number, number], write: (value: number) => string): string {
  return `[${write(low)}, ${write(high)}]`
}
